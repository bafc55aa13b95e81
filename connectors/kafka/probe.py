"""Whether Kafka can be reached with these settings, and in plain words why not.

aiokafka logs what goes wrong with a connection and raises only that nothing worked; so this tries for itself.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from connectors.kafka.client_credentials import NoTokenError
from connectors.kafka.clients import KafkaSettings
from connectors.kafka.login import client_security


class UnreachableError(ConnectionError):
    """No bootstrap server can be used; the message says why. `refused`: one answered, and does not want us so."""

    def __init__(self, words: str, *, refused: bool = False) -> None:
        super().__init__(words)
        self.refused = refused


async def reach(settings: KafkaSettings, *, timeout_s: float = 10.0) -> None:
    """Return once a bootstrap server has taken us and answered; each is tried once.

    Raises:
        UnreachableError: none did.
    """
    nowhere = f"cannot reach Kafka at {settings.bootstrap}: start one (docker compose up) or set SLUICEGATE_BOOTSTRAP"
    found = UnreachableError(nowhere)
    try:
        options = client_security(settings)
        async with asyncio.timeout(timeout_s):
            for host, port, _family in collect_hosts(settings.bootstrap):
                try:
                    await _try(host, port, options)
                except (KafkaError, OSError, ValueError) as error:
                    words = _refusal(settings, error)
                    if words is not None:
                        found = UnreachableError(f"Kafka at {host}:{port} {words}", refused=True)
                else:
                    return
    except (OSError, ValueError) as error:  # of the time-out too
        if not isinstance(error, TimeoutError):
            raise UnreachableError(f"cannot reach Kafka at {settings.bootstrap}: {error}") from None
    raise found


async def _try(host: str, port: int, options: dict[str, Any]) -> None:
    connection = await create_conn(host, port, request_timeout_ms=10_000, **options)
    try:
        answer = await connection.send(MetadataRequest([]))  # one that wants a login closes on this, not before
        if not answer.brokers and options.get("sasl_mechanism") == "OAUTHBEARER":
            raise AuthenticationFailedError("invalid token")  # aiokafka takes the broker's no to a token for a yes
    finally:
        connection.close()


def _refusal(settings: KafkaSettings, error: Exception) -> str | None:
    """What a broker that is there has against us; None where none is there."""
    protocol, mechanism = settings.security_protocol, settings.sasl_mechanism
    match error:
        case ssl.SSLCertVerificationError() if "mismatch" in error.verify_message.lower():
            return f"has a certificate for another host ({error.verify_message})"
        case ssl.SSLCertVerificationError():
            return (
                f"has a certificate that is not trusted ({error.verify_message}): "
                "SLUICEGATE_TLS_CA_FILE must hold the authority that it is from"
            )
        case ssl.SSLError():
            return (
                f"does not agree on TLS ({(error.reason or 'failed').replace('_', ' ').lower()}): {_protocol(protocol)}"
            )
        case UnsupportedSaslMechanismError():
            return f"does not offer {mechanism}: SLUICEGATE_SASL_MECHANISM must be one that it does"
        case NoTokenError():
            return f"wants a token, and there is none: {_said(error)}"
        case SaslAuthenticationFailed() | AuthenticationFailedError():
            if mechanism == "OAUTHBEARER":
                source = "SASL_TOKEN_FILE" if settings.sasl_token_file else "SASL_OAUTH_TOKEN_URL"
                return f"does not take the token of SLUICEGATE_{source} ({_said(error)})"
            return f"does not take user {settings.sasl_username!r} with this password ({mechanism}: {_said(error)})"
        case KafkaConnectionError() | ConnectionResetError():
            if protocol == "SSL":
                wanted = "it wants a certificate that it trusts (SLUICEGATE_TLS_CERT_FILE), or speaks no TLS there"
                return f"closed the connection: {wanted}"
            return f"closed the connection: {_protocol(protocol)}"
    return None


def _protocol(protocol: str) -> str:
    return f"SLUICEGATE_SECURITY_PROTOCOL is {protocol}, is that what it speaks there?"


def _said(error: Exception) -> str:
    return str(error.args[0]) if error.args and error.args[0] else type(error).__name__
