"""Asking a server for a token by client credentials: RFC 6749, section 4.4.

No error here has a secret or a token.
"""

from __future__ import annotations

import re
import ssl
import time
from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import quote_plus, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, ProxyHandler, Request, build_opener

import msgspec
from aiokafka.errors import AuthenticationFailedError

TIMEOUT_S: Final = 8.0
"""How long a server of tokens may take: less than `connectors.kafka.probe` waits for a broker."""
LIFE_S: Final = 300.0
"""Of a token that does not tell."""
LONGEST_LIFE_S: Final = 86_400.0
LARGEST_ANSWER: Final = 262_144
LONGEST_TOLD: Final = 400
"""Characters of why there is no token, of which a server has said some."""

_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_HINTS: Final = {
    "invalid_client": "check SLUICEGATE_SASL_OAUTH_CLIENT_ID and the client's secret",
    "invalid_scope": "check SLUICEGATE_SASL_OAUTH_SCOPE",
    "unauthorized_client": "allow the client the grant client_credentials there",
    "unsupported_grant_type": "the server must offer the grant client_credentials",
}

T = TypeVar("T")


class NoTokenError(AuthenticationFailedError):  # type: ignore[misc]  # aiokafka.errors is untyped
    """There is no token to log in with; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks which server for tokens; of the secret and its file one is empty. A file is read for each token."""

    url: str
    id: str
    secret: str = field(repr=False, default="")
    secret_file: str = ""
    scope: str = ""
    ca_file: str = ""


class _Answer(msgspec.Struct):
    access_token: str
    token_type: str
    expires_in: float = LIFE_S


class _Refusal(msgspec.Struct):
    error: str = ""
    error_description: str = ""


class _NoRedirects(HTTPRedirectHandler):
    """The secret goes where the settings say, and nowhere else."""

    def redirect_request(self, *_: object) -> None:
        """None: a redirect is an error like others."""


def granted(client: Client) -> tuple[str, float]:
    """A token, and for how many seconds it is good.

    Raises:
        NoTokenError: there is none.
    """
    secret = client.secret or text_of(client.secret_file)
    pair = f"{quote_plus(client.id)}:{quote_plus(secret)}".encode()  # RFC 6749, 2.3.1
    basic = b64encode(pair).decode()
    try:
        return _asked(client, basic)
    except NoTokenError as error:
        words = str(error.args[0])
        for hidden in (secret, quote_plus(secret), basic):  # a server may say it back
            words = words.replace(hidden, "***")
        raise NoTokenError(f"{shown(client.url)} {words[:LONGEST_TOLD]}") from None


def text_of(path: str) -> str:
    """What a file holds, without the white space around it. Raises NoTokenError."""
    try:
        found = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise NoTokenError(f"{path} cannot be read: {why}") from None
    if not found:
        raise NoTokenError(f"{path} is empty")
    return found


def _asked(client: Client, basic: str) -> tuple[str, float]:
    form = {"grant_type": "client_credentials"} | ({"scope": client.scope} if client.scope else {})
    heads = {"Authorization": f"Basic {basic}", "Accept": "application/json"}
    request = Request(client.url, urlencode(form).encode(), heads)  # noqa: S310 - the settings let no other scheme through
    proxies: dict[str, str] | None = None if client.url.startswith("https:") else {}
    try:
        context = ssl.create_default_context(cafile=client.ca_file or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        opener = build_opener(HTTPSHandler(context=context), ProxyHandler(proxies), _NoRedirects)
        with opener.open(request, timeout=TIMEOUT_S) as response:
            return _read(_whole(response))
    except HTTPError as error:
        body = b""
        with error, suppress(OSError, HTTPException):
            body = _whole(error)
        raise NoTokenError(_refusal(error.code, body)) from None
    except (OSError, HTTPException, ValueError) as error:
        raise NoTokenError(_failure(error)) from None


def _whole(response: HTTPResponse | HTTPError) -> bytes:
    """The body, of what is not larger than an answer can be and comes in time; of what is, the beginning."""
    begun, found = time.monotonic(), b""
    while len(found) < LARGEST_ANSWER and time.monotonic() - begun < TIMEOUT_S:
        piece = response.read1(LARGEST_ANSWER - len(found))
        if not piece:
            break
        found += piece
    return found


def _read(body: bytes) -> tuple[str, float]:
    answer = _decoded(body, _Answer)
    if answer is None or answer.token_type.lower() != "bearer" or not _TOKEN.fullmatch(answer.access_token):
        raise NoTokenError(
            "answers with something that is no bearer token: is SLUICEGATE_SASL_OAUTH_TOKEN_URL the token endpoint?"
        )
    if not answer.expires_in > 0:
        raise NoTokenError("grants a token that is void already")
    return answer.access_token, min(answer.expires_in, LONGEST_LIFE_S)


def _refusal(status: int, body: bytes) -> str:
    said = _decoded(body, _Refusal) or _Refusal()
    words = " ".join(filter(None, (str(status), said.error, said.error_description)))
    told = "".join(one if one.isprintable() else "?" for one in words)
    hint = _HINTS.get(said.error)
    if hint is None and status == 401:
        hint = _HINTS["invalid_client"]
    if hint is None and (status < 400 or status in (404, 405)):
        hint = "check SLUICEGATE_SASL_OAUTH_TOKEN_URL"
    return f"grants no token ({hint}): {told}" if hint else f"grants no token: {told}"


def _failure(error: Exception) -> str:
    cause = error.reason if isinstance(error, URLError) else error
    match cause:
        case ssl.SSLCertVerificationError() if "mismatch" in cause.verify_message.lower():
            return f"has a certificate for another host ({cause.verify_message})"
        case ssl.SSLCertVerificationError():
            return (
                f"has a certificate that is not trusted ({cause.verify_message}): "
                "SLUICEGATE_SASL_OAUTH_CA_FILE must hold the authority that it is from"
            )
        case TimeoutError():
            return f"does not answer within {TIMEOUT_S:g} s"
    return f"cannot be asked: {getattr(cause, 'strerror', None) or cause or type(cause).__name__}"


def _decoded(body: bytes, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(body, type=kind, strict=False)  # some servers write expires_in as text
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def shown(url: str) -> str:
    """An address without its query, which may hold anything."""
    parts: Any = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"
