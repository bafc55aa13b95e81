"""Settings of TLS and SASL: how we log in to Kafka and verify the broker; and the faults of these settings."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field, SecretStr

from connectors.addresses import secret_address_fault
from connectors.settings import WRONG, StrictSettings

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]

_FOR_TLS: Final = ("tls_ca_file", "tls_cert_file", "tls_key_file", "tls_key_password", "tls_key_password_file")
_FOR_PASSWORDS: Final = ("sasl_username", "sasl_password", "sasl_password_file")
_FOR_CLIENTS: Final = (
    *("sasl_oauth_token_url", "sasl_oauth_client_id", "sasl_oauth_client_secret", "sasl_oauth_client_secret_file"),
    *("sasl_oauth_scope", "sasl_oauth_ca_file"),
)
_FOR_TOKENS: Final = ("sasl_token_file", *_FOR_CLIENTS)
_FOR_SASL: Final = ("sasl_mechanism", *_FOR_PASSWORDS, *_FOR_TOKENS)
_NOTHING: Final = SecretStr("")


class SecuritySettings(StrictSettings):
    """How to connect to Kafka securely; an empty setting counts as not set."""

    security_protocol: SecurityProtocol = Field(
        "PLAINTEXT", description="how to connect to Kafka: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"
    )
    tls_ca_file: str = Field(
        "", description="PEM of the authorities that issue the brokers' certificates; else the system's"
    )
    tls_cert_file: str = Field("", description="PEM of our certificate, for brokers that require one (mTLS)")
    tls_key_file: str = Field("", description="PEM of its key, if that is not in the same file")
    tls_key_password: SecretStr = Field(_NOTHING, description="the key's password, if it has one")
    tls_key_password_file: str = Field("", description="a file with the key's password instead")
    sasl_mechanism: Mechanism | None = Field(
        None, description="how to log in: SCRAM-SHA-512, SCRAM-SHA-256, PLAIN or OAUTHBEARER"
    )
    sasl_username: str = Field("", description="the user to log in as, for SCRAM and PLAIN")
    sasl_password: SecretStr = Field(_NOTHING, description="the user's password")
    sasl_password_file: str = Field("", description="a file with the user's password instead")
    sasl_token_file: str = Field("", description="a file with the OAUTHBEARER token, read again for each connection")
    sasl_oauth_token_url: str = Field(
        "", description="the server that grants OAUTHBEARER tokens by client credentials, instead of such a file"
    )
    sasl_oauth_client_id: str = Field("", description="the client's id there")
    sasl_oauth_client_secret: SecretStr = Field(_NOTHING, description="the client's secret there")
    sasl_oauth_client_secret_file: str = Field(
        "", description="a file with the client's secret instead, read again for each token"
    )
    sasl_oauth_scope: str = Field("", description="the scope to request, if any; several words separated by spaces")
    sasl_oauth_ca_file: str = Field(
        "", description="PEM of the authorities that issue the server's certificate; else the system's"
    )

    @classmethod
    def faults(cls, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """See `StrictSettings`: contradictions, missing settings, and files that cannot be used."""
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
        if plain(given, name):
            yield name, f"is set, but SLUICEGATE_SECURITY_PROTOCOL is {protocol}, which does not use it"


def _sasl_faults(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    mechanism = plain(given, "sasl_mechanism")
    if not mechanism:
        yield "sasl_mechanism", "is needed: SCRAM-SHA-512, SCRAM-SHA-256, PLAIN or OAUTHBEARER"
    elif mechanism == "OAUTHBEARER":
        yield from ((name, "OAUTHBEARER does not use it") for name in _FOR_PASSWORDS if plain(given, name))
        yield from _token_faults(given)
    else:
        if not plain(given, "sasl_username"):
            yield "sasl_username", f"{mechanism} needs a user"
        if not plain(given, "sasl_password") and not plain(given, "sasl_password_file"):
            yield "sasl_password", f"{mechanism} needs a password, here or in SLUICEGATE_SASL_PASSWORD_FILE"
        yield from ((name, f"{mechanism} does not use it") for name in _FOR_TOKENS if plain(given, name))
        yield from _secret_faults(given, "sasl_password")


def _token_faults(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The faults of the settings for tokens: from a file, or from a server."""
    file, url, *client = (plain(given, name) for name in _FOR_TOKENS)
    if file and (url or any(client)):
        yield "sasl_token_file", "set either this or the SLUICEGATE_SASL_OAUTH_ settings, not both"
    elif not file and not url:
        yield "sasl_token_file", "OAUTHBEARER needs a file with a token, or SLUICEGATE_SASL_OAUTH_TOKEN_URL"
    yield from _unreadable(given, "sasl_token_file")
    if url:
        fault = secret_address_fault(url)
        if fault:
            yield "sasl_oauth_token_url", fault
        if not plain(given, "sasl_oauth_client_id"):
            yield "sasl_oauth_client_id", "is needed with SLUICEGATE_SASL_OAUTH_TOKEN_URL"
        if not plain(given, "sasl_oauth_client_secret") and not plain(given, "sasl_oauth_client_secret_file"):
            yield "sasl_oauth_client_secret", "is needed, here or in SLUICEGATE_SASL_OAUTH_CLIENT_SECRET_FILE"
    yield from _secret_faults(given, "sasl_oauth_client_secret")
    yield from _authority_faults(given, "sasl_oauth_ca_file")


def _tls_faults(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    faults = [*_authority_faults(given, "tls_ca_file"), *_secret_faults(given, "tls_key_password")]
    yield from faults
    if not plain(given, "tls_cert_file"):
        if plain(given, "tls_key_file"):
            yield "tls_cert_file", "is needed with SLUICEGATE_TLS_KEY_FILE"
        return
    own = [*_unreadable(given, "tls_cert_file"), *_unreadable(given, "tls_key_file")]
    if not own and not faults:
        try:
            add_own_certificate(ssl.create_default_context(), given)
        except ssl.SSLError as error:
            own.append(("tls_cert_file", f"does not serve with its key: {_why_not(error)}"))
    yield from own


def _authority_faults(given: Mapping[str, Any], name: str) -> Iterator[tuple[str, str]]:
    """Why a file cannot be used as one of authorities."""
    faults = [*_unreadable(given, name)]
    if not faults and plain(given, name):
        try:
            ssl.create_default_context(cafile=plain(given, name))
        except ssl.SSLError:
            faults.append((name, f"{plain(given, name)} contains no certificate in PEM"))
    yield from faults


def _why_not(error: ssl.SSLError) -> str:
    reason = error.reason or "PEM_LIB"
    if reason == "KEY_VALUES_MISMATCH":
        return "the key belongs to another certificate"
    if "PEM" in reason or "DECRYPT" in reason.upper():
        return "one of them is not PEM, or the key's password is wrong or missing"
    return reason.replace("_", " ").lower()


def _secret_faults(given: Mapping[str, Any], name: str) -> Iterator[tuple[str, str]]:
    if plain(given, name) and plain(given, f"{name}_file"):
        yield name, f"set either this or SLUICEGATE_{name.upper()}_FILE, not both"
    yield from _unreadable(given, f"{name}_file")


def _unreadable(given: Mapping[str, Any], name: str) -> Iterator[tuple[str, str]]:
    """Why the file that a setting names cannot be read."""
    path = plain(given, name)
    if not path:
        return
    try:
        if not Path(path).read_bytes().strip():
            yield name, f"{path} is empty"
    except (OSError, ValueError) as error:
        yield name, f"{path} cannot be read: {getattr(error, 'strerror', None) or error}"


def plain(given: Mapping[str, Any], name: str) -> str:
    """A setting as text, even if it is secret; empty if it is not set."""
    value = given.get(name) or ""
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def secret(given: Mapping[str, Any], name: str) -> str:
    """A secret from its setting, or from its file, without the end of the line."""
    path = plain(given, f"{name}_file")
    return Path(path).read_text(encoding="utf-8").rstrip("\r\n") if path else plain(given, name)


def add_own_certificate(context: ssl.SSLContext, given: Mapping[str, Any]) -> None:
    """Add our certificate and its key to a TLS context. Raises OSError, ssl.SSLError."""
    password = secret(given, "tls_key_password")
    key = plain(given, "tls_key_file") or None
    # The password is always given by a function: without one OpenSSL asks for it on the terminal.
    context.load_cert_chain(plain(given, "tls_cert_file"), key, lambda: password)
