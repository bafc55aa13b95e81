"""Whether Kafka can be reached with these settings, and if not, the reason.

aiokafka logs the cause of a failed connection and then raises only that none worked, so this connects by itself.
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
    """No bootstrap server can be used; the message has the reason. `refused` is whether one answered."""

    def __init__(self, reason: str, *, refused: bool = False) -> None:
        super().__init__(reason)
        self.refused = refused


async def reach(settings: KafkaSettings, *, timeout_s: float = 10.0) -> None:
    """Return once a bootstrap server has accepted the login and answered; each is tried once.

    Raises:
        UnreachableError: none has.
    """
    nowhere = f"cannot reach Kafka at {settings.bootstrap}: start one (docker compose up) or set SLUICEGATE_BOOTSTRAP"
    found = UnreachableError(nowhere)
    try:
        options = client_security(settings)
    except (OSError, ValueError) as error:
        raise UnreachableError(f"cannot reach Kafka at {settings.bootstrap}: {error}") from None
    # All at once: one that is silent would use up the time of the others.
    servers = collect_hosts(settings.bootstrap)
    tried = [asyncio.create_task(_outcome(settings, host, port, options)) for host, port, _ in servers]
    try:
        for trial in asyncio.as_completed(tried, timeout=timeout_s):
            refused = await trial
            if refused is None:
                return
            found = refused if refused.refused else found
    except TimeoutError:
        pass
    finally:
        for task in tried:
            task.cancel()
        await asyncio.gather(*tried, return_exceptions=True)
    raise found


async def _outcome(settings: KafkaSettings, host: str, port: int, options: dict[str, Any]) -> UnreachableError | None:
    """Why a server cannot be used; None if it can."""
    try:
        await _try(host, port, options)
    except (KafkaError, OSError, ValueError) as error:
        reason = _refusal(settings, error)
        return UnreachableError(f"Kafka at {host}:{port} {reason or 'does not answer'}", refused=reason is not None)
    return None


async def _try(host: str, port: int, options: dict[str, Any]) -> None:
    connection = await create_conn(host, port, request_timeout_ms=10_000, **options)
    try:
        # A broker that requires a login closes the connection only when the first request comes.
        answer = await connection.send(MetadataRequest([]))
        if not answer.brokers and options.get("sasl_mechanism") == "OAUTHBEARER":
            raise AuthenticationFailedError("invalid token")  # aiokafka does not notice that a broker refuses a token
    finally:
        connection.close()


def _refusal(settings: KafkaSettings, error: Exception) -> str | None:
    """Why a broker that answers refuses the connection; None if no broker answers."""
    protocol, mechanism = settings.security_protocol, settings.sasl_mechanism
    match error:
        case ssl.SSLCertVerificationError() if "mismatch" in error.verify_message.lower():
            return f"has a certificate for another host ({error.verify_message})"
        case ssl.SSLCertVerificationError():
            return (
                f"has a certificate that is not trusted ({error.verify_message}): "
                "SLUICEGATE_TLS_CA_FILE must hold the authority that issued it"
            )
        case ssl.SSLError():
            return (
                f"does not agree on TLS ({(error.reason or 'failed').replace('_', ' ').lower()}): {_protocol(protocol)}"
            )
        case UnsupportedSaslMechanismError():
            return f"does not offer {mechanism}: SLUICEGATE_SASL_MECHANISM must be one that it offers"
        case NoTokenError():
            return f"requires a token, and there is none: {_text_of(error)}"
        case SaslAuthenticationFailed() | AuthenticationFailedError():
            if mechanism == "OAUTHBEARER":
                source = "SASL_TOKEN_FILE" if settings.sasl_token_file else "SASL_OAUTH_TOKEN_URL"
                return f"does not accept the token of SLUICEGATE_{source} ({_text_of(error)})"
            return (
                f"does not accept user {settings.sasl_username!r} with this password ({mechanism}: {_text_of(error)})"
            )
        case KafkaConnectionError() | ConnectionResetError():
            if protocol == "SSL":
                cause = "it requires a trusted certificate (SLUICEGATE_TLS_CERT_FILE), or does not use TLS there"
                return f"closed the connection: {cause}"
            return f"closed the connection: {_protocol(protocol)}"
    return None


def _protocol(protocol: str) -> str:
    return f"check that SLUICEGATE_SECURITY_PROTOCOL ({protocol}) is what it uses there"


def _text_of(error: Exception) -> str:
    return str(error.args[0]) if error.args and error.args[0] else type(error).__name__
