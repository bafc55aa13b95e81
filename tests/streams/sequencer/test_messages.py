"""Messages of operators and actuators: what is refused, and what the sequencer adds."""

from __future__ import annotations

import msgspec
import pytest

from connectors.signing.signatures import Seal
from gates.rules import CURRENT
from streams.journal import Ack, Control, ControlName, Freeze, Origin, Signed, Start, Timing, decode, encode
from streams.sequencer.messages import LONGEST_FREEZE_TEXT, RecordRefusedError, journal_record, key_of, read_message
from tests.properties.hand import a_policy

ORIGIN = Origin("rollout-controls", 0, 7)
CONTROL = Control(rollout="r", control="pause", by="ann", at=1)
SEAL = Seal(key="key", id="id-1", expires_at=99, signature=b"")


@pytest.mark.parametrize("value", [None, b"", b"[]", b"\xff", b'{"schema":"sluicegate.control/v1"}'])
def test_a_malformed_message_is_refused(value: bytes | None) -> None:
    """With the reason of its dead letter."""
    with pytest.raises(RecordRefusedError) as refused:
        read_message(Control, value)
    assert refused.value.reason == "bad_message"


def test_a_policy_must_be_for_the_rollout() -> None:
    """Else an order for one rollout could start another."""
    start = Start(rollout="another", policy=a_policy(), by="ann", at=1)
    with pytest.raises(RecordRefusedError, match="the message names rollout another, its policy ") as refused:
        read_message(Start, encode(start))
    assert refused.value.reason == "bad_policy"


@pytest.mark.parametrize("control", ["approve", "advance"])
def test_an_order_about_a_stage_names_it(control: ControlName) -> None:
    """Else a copy of it would act on the stage after the one that was meant."""
    order = msgspec.structs.replace(CONTROL, control=control)
    with pytest.raises(RecordRefusedError, match=f"{control} is about one stage: name it in `stage`"):
        read_message(Control, encode(order))
    named = msgspec.structs.replace(order, stage="canary")
    assert read_message(Control, encode(named)) == named


def test_a_record_has_its_origin_and_signature() -> None:
    """What the sender wrote there is replaced."""
    forged = msgspec.structs.replace(CONTROL, origin=Origin("x", 9, 9), signed=Signed("x", "x", 1))
    found = decode(journal_record(forged, ORIGIN, Timing(), SEAL))
    assert found == msgspec.structs.replace(CONTROL, origin=ORIGIN, signed=Signed("key", "id-1", 99))
    unsigned = decode(journal_record(forged, ORIGIN, Timing()))
    assert isinstance(unsigned, Control)
    assert unsigned.signed is None


def test_a_start_has_the_timing() -> None:
    """So a replay needs no settings."""
    start = Start(rollout="r", policy={}, by="ann", at=1)
    found = decode(journal_record(start, ORIGIN, Timing(idle_timeout=7), SEAL))
    assert isinstance(found, Start)
    assert (found.timing, found.origin) == (Timing(idle_timeout=7), ORIGIN)
    assert found.sequenced_at is not None


def test_a_start_has_the_current_rules() -> None:
    """Whatever the operator's build wrote."""
    start = Start(rollout="r", policy={}, by="ann", at=1, rules=99)
    found = decode(journal_record(start, ORIGIN, Timing()))
    assert isinstance(found, Start)
    assert found.rules == CURRENT


def test_an_ack_has_its_origin() -> None:
    """Actuators have keys of their own; their acks are not guarded against replays."""
    ack = Ack(id="r:1:1", rollout="r", epoch=1, sequence=1, actuator="a", status="applied", weights={}, at=1)
    for sent in (ack, msgspec.structs.replace(ack, instance="0e5a3c1f")):
        found = decode(journal_record(sent, ORIGIN, Timing(), SEAL))
        assert found == msgspec.structs.replace(sent, origin=ORIGIN)
    assert b"instance" not in encode(ack)


def test_a_freeze_comes_with_the_controls() -> None:
    """It has no key, and gets the number of partitions that it is written to."""
    freeze = Freeze(frozen=True, label="tier=1", by="ann", at=1)
    message = read_message(Control, encode(freeze))
    assert message == freeze
    assert key_of(message) is None
    found = decode(journal_record(message, ORIGIN, Timing(), SEAL, 4))
    assert found == msgspec.structs.replace(freeze, origin=ORIGIN, signed=Signed("key", "id-1", 99), partitions=4)
    for change in ({"label": "tier"}, {"by": " "}, {"reason": "x" * LONGEST_FREEZE_TEXT}):
        refused = msgspec.structs.replace(freeze, **change)
        with pytest.raises(RecordRefusedError):
            read_message(Control, encode(refused))
    with pytest.raises(RecordRefusedError):
        read_message(Start, encode(freeze))
