"""What the audit log keeps of a record, whatever the record is."""

from __future__ import annotations

import orjson
import pytest

from connectors.kafka.record_times import NO_TIME
from connectors.kafka.topics import TopicNames
from streams.audit.chain import EntryKind, Head, decode, digest, encode
from streams.audit.records import (
    FREEZE_SCHEMA,
    GATE,
    LARGEST_VALUE,
    LONGEST_TEXT,
    audit_record,
    audited,
    unreadable_record,
)
from streams.journal import Origin

SOURCE = Origin("t", 0, 7)


@pytest.mark.parametrize(
    ("kind", "document", "expected"),
    [
        ("start", {"by": "ann", "reason": "go"}, ("start", "ann", "start", "go")),
        ("control", {"by": "ann", "control": "pause"}, ("control", "ann", "pause", None)),
        ("control", {"by": "ann", "control": "approve"}, ("approval", "ann", "approve", None)),
        ("control", {"schema": FREEZE_SCHEMA, "by": "ann", "frozen": True}, ("freeze", "ann", "freeze", None)),
        ("control", {"schema": FREEZE_SCHEMA, "by": "ann", "frozen": False}, ("freeze", "ann", "unfreeze", None)),
        ("decision", {"action": "hold", "reason": "why"}, ("decision", GATE, "hold", "why")),
        ("decision", {"action": "pause", "by": "ann"}, ("decision", "ann", "pause", None)),
        ("command", {"action": "rollback", "by": "bob"}, ("command", "bob", "rollback", None)),
        ("control", {"by": 3, "control": []}, ("control", None, None, None)),
        ("ack", {"actuator": "haproxy", "status": "applied"}, ("ack", "haproxy", "applied", None)),
    ],
)
def test_actor_action_and_reason(
    kind: EntryKind, document: dict[str, object], expected: tuple[str | None, ...]
) -> None:
    """Each kind has them in fields of its own; a decision without an operator is the gate's."""
    found = audit_record(kind, SOURCE, 5, orjson.dumps(document))
    assert (found.kind, found.actor, found.action, found.reason) == expected


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b"\xff"])
def test_an_unreadable_record_is_kept(value: bytes | None) -> None:
    """It has no actor or action, and the hash of its bytes."""
    found = audit_record("control", SOURCE, 5, value)
    assert (found.kind, found.actor, found.action) == ("unreadable", None, None)
    assert found.sha256 == (None if value is None else digest(value))


def test_sizes_are_bounded() -> None:
    """A large value is kept as its hash alone, and a long text is cut."""
    value = orjson.dumps({"by": "x" * (LONGEST_TEXT + 1), "control": "pause", "pad": "x" * LARGEST_VALUE})
    found = audit_record("control", SOURCE, 5, value)
    assert (found.value, found.sha256, found.actor) == (None, digest(value), "x" * LONGEST_TEXT)


def test_every_audited_topic_has_a_kind() -> None:
    """Orders, decisions, commands and acks; neither counts nor statuses."""
    names = TopicNames("p.")
    assert set(audited(names)) == {names.policies, names.controls, names.decisions, names.commands, names.acks}


@pytest.mark.parametrize(("rollout", "kept"), [("search", "search"), (5, None), (None, None)])
def test_the_rollout_is_kept(rollout: object, kept: str | None) -> None:
    """If it is a text; it becomes the key of the entry."""
    value = orjson.dumps({"by": "ann", "control": "pause", "rollout": rollout})
    assert audit_record("control", SOURCE, 5, value).rollout == kept


def test_any_record_can_be_kept() -> None:
    """The entry of last resort has the place, the time and the hash, and fits into canonical JSON."""
    entry = Head().next_entry(unreadable_record(SOURCE, NO_TIME, b"junk"), "w", 0)
    assert entry is not None
    assert decode(encode(entry)) == entry
    assert (entry.kind, entry.sha256, entry.value) == ("unreadable", digest(b"junk"), None)
    assert unreadable_record(SOURCE, NO_TIME, None).sha256 is None
