"""Who we are to Kafka, and how we know the broker: TLS and SASL by settings, the same for every client."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal

from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import AuthenticationFailedError
from pydantic import Field, SecretStr

from connectors.telling import WRONG, TellingSettings

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]

_FOR_TLS: Final = ("tls_ca_file", "tls_cert_file", "tls_key_file", "tls_key_password", "tls_key_password_file")
_FOR_PASSWORDS: Final = ("sasl_username", "sasl_password", "sasl_password_file")
_FOR_SASL: Final = ("sasl_mechanism", *_FOR_PASSWORDS, "sasl_token_file")
_NOTHING: Final = SecretStr("")


class SecuritySettings(TellingSettings):
    """How to speak to Kafka safely; what is empty counts as not set."""

    security_protocol: SecurityProtocol = Field(
        "PLAINTEXT", description="how to speak to Kafka: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"
    )
    tls_ca_file: str = Field(
        "", description="PEM of the authorities that brokers' certificates are from; else the system's"
    )
    tls_cert_file: str = Field("", description="PEM of our certificate, for brokers that ask for one (mTLS)")
    tls_key_file: str = Field("", description="PEM of its key, where that is not in the same file")
    tls_key_password: SecretStr = Field(_NOTHING, description="the key's password, if it has one")
    tls_key_password_file: str = Field("", description="a file with the key's password instead")
    sasl_mechanism: Mechanism | None = Field(
        None, description="how to log in: SCRAM-SHA-512, SCRAM-SHA-256, PLAIN or OAUTHBEARER"
    )
    sasl_username: str = Field("", description="the user to log in as, for SCRAM and PLAIN")
    sasl_password: SecretStr = Field(_NOTHING, description="the user's password")
    sasl_password_file: str = Field("", description="a file with the user's password instead")
    sasl_token_file: str = Field("", description="a file with the OAUTHBEARER token, read anew for each connection")

    @classmethod
    def faults(cls, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """See `TellingSettings`: what contradicts or is missing, and files that do not serve."""
        yield from super().faults(given)
        protocol = given.get("security_protocol", "PLAINTEXT")
        if protocol is WRONG:
            return
        yield from _unused(given, protocol)
        if protocol.endswith("SSL"):
            yield from _tls_faults(given)
        if protocol.startswith("SASL") and given.get("sasl_mechanism") is not WRONG:
            yield from _sasl_faults(given)


def _unused(given: Mapping[str, Any], protocol: str) -> Iterator[tuple[str, str]]:
    names = () if protocol.endswith("SSL") else _FOR_TLS
    names = names if protocol.startswith("SASL") else (*names, *_FOR_SASL)
    for name in names:
        if _plain(given, name):
            yield name, f"is set, but SLUICEGATE_SECURITY_PROTOCOL is {protocol}, which has no use for it"


def _sasl_faults(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    mechanism = _plain(given, "sasl_mechanism")
    if not mechanism:
        yield "sasl_mechanism", "is needed: SCRAM-SHA-512, SCRAM-SHA-256, PLAIN or OAUTHBEARER"
    elif mechanism == "OAUTHBEARER":
        if not _plain(given, "sasl_token_file"):
            yield "sasl_token_file", "OAUTHBEARER needs a file with a token"
        yield from ((name, "OAUTHBEARER has no use for it") for name in _FOR_PASSWORDS if _plain(given, name))
        yield from _unreadable(given, "sasl_token_file")
    else:
        if not _plain(given, "sasl_username"):
            yield "sasl_username", f"{mechanism} needs a user"
        if not _plain(given, "sasl_password") and not _plain(given, "sasl_password_file"):
            yield "sasl_password", f"{mechanism} needs a password, here or in SLUICEGATE_SASL_PASSWORD_FILE"
        if _plain(given, "sasl_token_file"):
            yield "sasl_token_file", f"{mechanism} has no use for it"
        yield from _secret_faults(given, "sasl_password")


def _tls_faults(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    faults = [*_unreadable(given, "tls_ca_file"), *_secret_faults(given, "tls_key_password")]
    if not faults:
        try:
            ssl.create_default_context(cafile=_plain(given, "tls_ca_file") or None)
        except ssl.SSLError:
            faults.append(("tls_ca_file", f"{_plain(given, 'tls_ca_file')} holds no certificate in PEM"))
    yield from faults
    if not _plain(given, "tls_cert_file"):
        if _plain(given, "tls_key_file"):
            yield "tls_cert_file", "is needed with SLUICEGATE_TLS_KEY_FILE"
        return
    own = [*_unreadable(given, "tls_cert_file"), *_unreadable(given, "tls_key_file")]
    if not own and not faults:
        try:
            _add_own_certificate(ssl.create_default_context(), given)
        except ssl.SSLError as error:
            own.append(("tls_cert_file", f"does not serve with its key: {_why_not(error)}"))
    yield from own


def _why_not(error: ssl.SSLError) -> str:
    reason = error.reason or "PEM_LIB"
    if reason == "KEY_VALUES_MISMATCH":
        return "the key belongs to another certificate"
    if "PEM" in reason or "DECRYPT" in reason.upper():
        return "one of them is no PEM, or the key's password is wrong or missing"
    return reason.replace("_", " ").lower()


def _secret_faults(given: Mapping[str, Any], name: str) -> Iterator[tuple[str, str]]:
    if _plain(given, name) and _plain(given, f"{name}_file"):
        yield name, f"give it here or in SLUICEGATE_{name.upper()}_FILE, not in both"
    yield from _unreadable(given, f"{name}_file")


def _unreadable(given: Mapping[str, Any], name: str) -> Iterator[tuple[str, str]]:
    """What keeps the file that a setting names from being read."""
    path = _plain(given, name)
    if not path:
        return
    try:
        if not Path(path).read_bytes().strip():
            yield name, f"{path} is empty"
    except (OSError, ValueError) as error:
        yield name, f"{path} cannot be read: {getattr(error, 'strerror', None) or error}"


def _plain(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name) or ""
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def _secret(given: Mapping[str, Any], name: str) -> str:
    """A secret from its setting, else from the file that holds it, without the end of the line."""
    path = _plain(given, f"{name}_file")
    return Path(path).read_text(encoding="utf-8").rstrip("\r\n") if path else _plain(given, name)


def client_security(settings: SecuritySettings) -> dict[str, Any]:
    """What an aiokafka client is told of all this; files are read now.

    Raises:
        OSError: a file cannot be read any more (ssl.SSLError among them: it holds something else by now).
    """
    given = vars(settings)
    options: dict[str, Any] = {"security_protocol": settings.security_protocol}
    if settings.security_protocol.endswith("SSL"):
        options["ssl_context"] = _context(given)
    if settings.security_protocol.startswith("SASL"):
        options["sasl_mechanism"] = settings.sasl_mechanism
        if settings.sasl_mechanism == "OAUTHBEARER":
            options["sasl_oauth_token_provider"] = TokenFile(settings.sasl_token_file)
        else:
            options["sasl_plain_username"] = settings.sasl_username
            options["sasl_plain_password"] = _secret(given, "sasl_password")
    return options


def _context(given: Mapping[str, Any]) -> ssl.SSLContext:
    """TLS 1.2 or later, with the broker's certificate and name checked."""
    context = ssl.create_default_context(cafile=_plain(given, "tls_ca_file") or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if _plain(given, "tls_cert_file"):
        _add_own_certificate(context, given)
    return context


def _add_own_certificate(context: ssl.SSLContext, given: Mapping[str, Any]) -> None:
    password = _secret(given, "tls_key_password")
    key = _plain(given, "tls_key_file") or None
    context.load_cert_chain(_plain(given, "tls_cert_file"), key, lambda: password)  # a call: never asks on the terminal


class TokenFile(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka.abc is untyped
    """OAUTHBEARER tokens from a file that something else keeps fresh; read for each connection."""

    def __init__(self, path: str) -> None:
        self._path = path

    async def token(self) -> str:
        """The token as of now.

        Raises:
            AuthenticationFailedError: the file cannot be read, or is empty.
        """
        try:
            found = (await asyncio.to_thread(Path(self._path).read_text, encoding="utf-8")).strip()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or type(error).__name__
            raise AuthenticationFailedError(f"no token: {self._path} cannot be read: {why}") from None
        if not found:
            raise AuthenticationFailedError(f"no token: {self._path} is empty")
        return found


def _says_no_secret(record: logging.LogRecord) -> bool:
    """Whether a record of aiokafka's may be logged: at debug it prints requests whole, passwords and tokens too."""
    args = record.args if isinstance(record.args, tuple) else ()
    return not any(type(one).__name__.startswith("Sasl") for one in args)


logging.getLogger("aiokafka.conn").addFilter(_says_no_secret)
