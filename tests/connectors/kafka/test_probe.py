"""Why Kafka cannot be used: each kind of failure has its reason, in one line."""

import asyncio
import ssl

import pytest
from aiokafka.errors import (
    AuthenticationFailedError,
    KafkaConnectionError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from connectors.kafka import probe
from connectors.kafka.client_credentials import NoTokenError
from connectors.kafka.clients import KafkaSettings
from connectors.kafka.probe import UnreachableError, reach
from streams.demo.embedded_broker import LOOPBACK, free_port

BOOTSTRAP = "first:1,second:2"
PLAIN = KafkaSettings(bootstrap=BOOTSTRAP)
TLS = KafkaSettings(bootstrap=BOOTSTRAP, security_protocol="SSL")
PASSWORD = KafkaSettings.model_validate(
    {
        "bootstrap": BOOTSTRAP,
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "PLAIN",
        "sasl_username": "ann",
        "sasl_password": "hidden",
    }
)


def untrusted(message: str) -> ssl.SSLCertVerificationError:
    """What Python raises for a certificate that it does not accept."""
    error = ssl.SSLCertVerificationError(1, "verify failed")
    error.verify_message = message
    return error


def disagreed() -> ssl.SSLError:
    """What Python raises where the other side does not use TLS."""
    error = ssl.SSLError(1, "handshake")
    error.reason = "WRONG_VERSION_NUMBER"
    return error


def fail(monkeypatch: pytest.MonkeyPatch, **errors: Exception) -> list[str]:
    """Have the servers of these names fail; returns the names that are tried. aiokafka shuffles them."""
    tried: list[str] = []

    async def attempt(host: str, port: int, options: object) -> None:
        tried.append(host)
        if host in errors:
            raise errors[host]

    monkeypatch.setattr(probe, "_try", attempt)
    return tried


@pytest.mark.parametrize(
    ("settings", "error", "expected"),
    [
        (TLS, untrusted("Hostname mismatch"), "has a certificate for another host (Hostname mismatch)"),
        (TLS, untrusted("self-signed"), "has a certificate that is not trusted (self-signed): SLUICEGATE_TLS_CA_FILE"),
        (
            TLS,
            disagreed(),
            "does not agree on TLS (wrong version number): check that SLUICEGATE_SECURITY_PROTOCOL",
        ),
        (TLS, KafkaConnectionError(), "closed the connection: it requires a trusted certificate"),
        (PLAIN, ConnectionResetError(), "closed the connection: check that SLUICEGATE_SECURITY_PROTOCOL (PLAINTEXT)"),
        (PASSWORD, UnsupportedSaslMechanismError(), "does not offer PLAIN: SLUICEGATE_SASL_MECHANISM must be one"),
        (PASSWORD, SaslAuthenticationFailed("no"), "does not accept user 'ann' with this password (PLAIN: no)"),
        (PASSWORD, AuthenticationFailedError(), "does not accept user 'ann' with this password (PLAIN: Authentication"),
        (PASSWORD, NoTokenError("no file"), "requires a token, and there is none: no file"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
async def test_a_refusal_has_its_reason(
    monkeypatch: pytest.MonkeyPatch, settings: KafkaSettings, error: Exception, expected: str
) -> None:
    """It names the server that refused, whatever the others do, and has no secret."""
    fail(monkeypatch, first=OSError("no route"), second=error)
    with pytest.raises(UnreachableError) as raised:
        await reach(settings)
    assert str(raised.value).startswith(f"Kafka at second:2 {expected}")
    assert "hidden" not in str(raised.value)
    assert raised.value.refused


async def test_nobody_answers() -> None:
    """The error names the addresses, and what to do."""
    with pytest.raises(UnreachableError, match=r"cannot reach Kafka at .*: start one \(docker compose up\)") as raised:
        await reach(KafkaSettings(bootstrap=f"{LOOPBACK}:{free_port()}"))
    assert not raised.value.refused


async def test_one_server_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is tried once; that another refuses does not matter."""
    tried = fail(monkeypatch, first=ConnectionResetError())
    await reach(PLAIN)
    assert sorted(tried) == ["first", "second"]


async def test_a_silent_server_does_not_use_up_the_time_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bootstrap list may hold old addresses, which accept connections and never answer."""

    async def attempt(host: str, _port: int, _options: object) -> None:
        if host == "first":
            await asyncio.sleep(3_600)

    monkeypatch.setattr(probe, "_try", attempt)
    await reach(PLAIN)


async def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the time limit."""

    async def attempt(host: str, port: int, options: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(probe, "_try", attempt)
    with pytest.raises(UnreachableError, match="start one"):
        await reach(PLAIN, timeout_s=0.01)


async def test_a_broker_that_answers(embedded_broker: str) -> None:
    """There is nothing to report."""
    await reach(KafkaSettings(bootstrap=embedded_broker))
