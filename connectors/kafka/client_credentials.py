"""Asks a server for a token by client credentials: RFC 6749, section 4.4.

No error message here contains a secret or a token.
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
"""The time limit for a token server. Less than `connectors.kafka.probe` waits, so that the better message wins."""
LIFE_S: Final = 300.0
"""The life of a token if the server does not state it."""
LONGEST_LIFE_S: Final = 86_400.0
LARGEST_ANSWER: Final = 262_144
LONGEST_ERROR: Final = 400
"""Characters of an error that are kept: part of it comes from the server."""

_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_HINTS: Final = {
    "invalid_client": "check SLUICEGATE_SASL_OAUTH_CLIENT_ID and the client's secret",
    "invalid_scope": "check SLUICEGATE_SASL_OAUTH_SCOPE",
    "unauthorized_client": "allow the client the grant client_credentials there",
    "unsupported_grant_type": "the server must offer the grant client_credentials",
}

T = TypeVar("T")


class NoTokenError(AuthenticationFailedError):  # type: ignore[misc]  # aiokafka.errors is untyped
    """There is no token to log in with; the message has the reason and what to do."""


@dataclass(frozen=True, slots=True)
class Client:
    """A client and its token server. Either the secret or its file is empty; the file is read for each token."""

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
    """Refuses redirects: the secret must go to the configured server and to no other."""

    def redirect_request(self, *_: object) -> None:
        """None, which makes a redirect an error."""


def granted(client: Client) -> tuple[str, float]:
    """A token, and its life in seconds.

    Raises:
        NoTokenError: the server grants none.
    """
    secret = client.secret or text_of(client.secret_file)
    pair = f"{quote_plus(client.id)}:{quote_plus(secret)}".encode()  # RFC 6749, 2.3.1
    basic = b64encode(pair).decode()
    try:
        return _asked(client, basic)
    except NoTokenError as error:
        text = str(error.args[0])
        for hidden in (secret, quote_plus(secret), basic):  # an answer may contain it
            text = text.replace(hidden, "***")
        raise NoTokenError(f"{shown(client.url)} {text[:LONGEST_ERROR]}") from None


def text_of(path: str) -> str:
    """The content of a file, without the white space around it. Raises NoTokenError."""
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
    """The body, cut if it is larger than an answer can be or takes too long."""
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
            "does not answer with a bearer token: check that SLUICEGATE_SASL_OAUTH_TOKEN_URL is the token endpoint"
        )
    if not answer.expires_in > 0:
        raise NoTokenError("grants a token that has already expired")
    return answer.access_token, min(answer.expires_in, LONGEST_LIFE_S)


def _refusal(status: int, body: bytes) -> str:
    refusal = _decoded(body, _Refusal) or _Refusal()
    text = " ".join(filter(None, (str(status), refusal.error, refusal.error_description)))
    shown_text = "".join(char if char.isprintable() else "?" for char in text)
    hint = _HINTS.get(refusal.error)
    if hint is None and status == 401:
        hint = _HINTS["invalid_client"]
    if hint is None and (status < 400 or status in (404, 405)):
        hint = "check SLUICEGATE_SASL_OAUTH_TOKEN_URL"
    return f"grants no token ({hint}): {shown_text}" if hint else f"grants no token: {shown_text}"


def _failure(error: Exception) -> str:
    cause = error.reason if isinstance(error, URLError) else error
    match cause:
        case ssl.SSLCertVerificationError() if "mismatch" in cause.verify_message.lower():
            return f"has a certificate for another host ({cause.verify_message})"
        case ssl.SSLCertVerificationError():
            return (
                f"has a certificate that is not trusted ({cause.verify_message}): "
                "SLUICEGATE_SASL_OAUTH_CA_FILE must hold the authority that issued it"
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
    """An address without its query, which may contain a secret."""
    parts: Any = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"
