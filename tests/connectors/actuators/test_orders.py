"""Which records an actuator obeys: signed by the gate, well formed, and of a rollout that is its own."""

import logging

import pytest
from aiokafka import ConsumerRecord

from connectors.actuators.orders import REFUSED, Orders
from connectors.signing.keys import ROLES, generate, parse
from connectors.signing.signatures import Headers, Keyring
from tests.connectors.actuators.contract import NOW, decided

TOPIC = "gate-decisions"


def record(value: bytes | None, headers: Headers | None = None) -> ConsumerRecord:
    """A record of the decisions topic."""
    return ConsumerRecord(TOPIC, 1, 7, NOW, 0, b"checkout-v2", value, None, 0, len(value or b""), tuple(headers or ()))


def refused(reason: str) -> float:
    """How many were refused for this reason so far."""
    return REFUSED.labels(TOPIC, reason)._value.get()  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def gate() -> Keyring:
    """The gate's keys: it signs, and an actuator with the same ring accepts its orders."""
    signing, public = generate("ed25519", "gate", frozenset(ROLES))
    (private,), (trusted,) = parse(signing.line(), "a test"), parse(public.line(), "a test")
    return Keyring(private, {trusted.id: trusted})


def test_a_decision_is_an_order() -> None:
    """Without keys every decision is."""
    wanted = Orders(Keyring(), None, lambda: NOW).read(record(decided(3, 10)))
    assert wanted is not None
    assert (wanted.id, wanted.weights) == ("checkout-v2:1:3", {"stable": 90, "canary": 10})


@pytest.mark.parametrize(
    ("rollouts", "obeyed"), [(None, True), (["checkout-v2"], True), (["search"], False), ([], False)]
)
def test_only_its_own_rollouts_are_obeyed(rollouts: list[str] | None, obeyed: bool) -> None:
    """None stands for all, and an empty list for none."""
    wanted = Orders(Keyring(), rollouts, lambda: NOW).read(record(decided(3, 10)))
    assert (wanted is not None) == obeyed


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b'{"schema":"sluicegate.decision/v1"}'])
def test_what_is_no_order_is_skipped(value: bytes | None, caplog: pytest.LogCaptureFixture) -> None:
    """With a warning that names its place."""
    with caplog.at_level(logging.WARNING):
        assert Orders(Keyring(), None, lambda: NOW).read(record(value)) is None
    assert "skipped gate-decisions[1] at offset 7: " in caplog.text


def test_a_signature_is_required_of_whoever_has_keys(gate: Keyring, caplog: pytest.LogCaptureFixture) -> None:
    """A record without one, or with one of other bytes, is counted and logged, and is no order."""
    orders, value = Orders(gate, None, lambda: NOW), decided(3, 10)
    assert orders.read(record(value, gate.sign(TOPIC, value))) is not None
    before = refused("unsigned"), refused("forged")
    with caplog.at_level(logging.WARNING):
        assert orders.read(record(value)) is None
        assert orders.read(record(decided(3, 50), gate.sign(TOPIC, value))) is None
    assert (refused("unsigned"), refused("forged")) == (before[0] + 1, before[1] + 1)
    assert "refused gate-decisions[1] at offset 7, unsigned: " in caplog.text
