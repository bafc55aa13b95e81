"""Messages in, wanted states out."""

import json
from typing import Any

import pytest

from connectors.actuators.wanted import decode
from gates.decisions import Action
from tests.connectors.actuators.contract import NOW, commanded, decided, decision


def test_a_decision() -> None:
    """Every field that an actuator may need."""
    wanted = decode(decided(4, 10, by="ana", contact={"owner": "payments"}, escalate=True))
    assert (wanted.id, wanted.rollout, wanted.token, wanted.action) == (
        "checkout-v2:1:4",
        "checkout-v2",
        (1, 4),
        Action.ADVANCE,
    )
    assert (wanted.baseline_weight, wanted.candidate_weight, wanted.stage) == (90, 10, "canary")
    assert (wanted.reason, wanted.event_time, wanted.expires_at) == ("because", NOW, None)
    assert (wanted.by, wanted.contact, wanted.escalate) == ("ana", {"owner": "payments"}, True)


def test_a_command() -> None:
    """The same, and when it is void."""
    wanted = decode(commanded(4, expires_at=NOW))
    assert (wanted.action, wanted.candidate_weight, wanted.expires_at) == (Action.ROLLBACK, 0, NOW)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"schema": "sluicegate.ack/v1"}, "schema 'sluicegate.ack/v1' is not one of"),
        ({"schema": None}, "Expected `str`"),
        ({"epoch": -1}, "epoch"),
        ({"sequence": "4"}, "sequence"),
        ({"sequence": True}, "sequence"),
        ({"rollout": ""}, "rollout"),
        ({"action": "explode"}, "explode"),
        ({"weights": {"stable": 90}}, "both must have a weight"),
        ({"weights": {"stable": 90, "canary": 20}}, "must add up to 100 per cent"),
        ({"weights": {"stable": 110, "canary": -10}}, "0 to 100"),
        ({"weights": {"stable": 90, "canary": None}}, "weights"),
        ({"cohorts": {"baseline": "stable"}}, "both must have a weight"),
        ({"expires_at": "soon"}, "expires_at"),
    ],
)
def test_what_is_malformed(change: dict[str, Any], expected: str) -> None:
    """It is a ValueError that names what is wrong."""
    document = decision(4, 10).document() | change
    with pytest.raises(ValueError, match=expected):
        decode(json.dumps(document).encode())


@pytest.mark.parametrize("value", [b"", b"{", b"[]", b"\xff", b"null", b"[" * 100_000, b'{"schema": NaN}'])
def test_what_is_no_document(value: bytes) -> None:
    """Is a ValueError too, whatever the bytes."""
    with pytest.raises(ValueError, match=r"\w"):
        decode(value)
