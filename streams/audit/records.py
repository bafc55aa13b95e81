"""What the audit log keeps of a record: who, what, which rollout, why, and the record itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from connectors.kafka.topics import TopicNames
from connectors.signing.signatures import HEADER
from streams.audit.chain import AuditRecord, EntryKind, digest
from streams.journal import Origin

LARGEST_VALUE = 524_288
"""Bytes of a value that are kept. Escaped at its worst, an entry with such a value is still one that a broker
accepts."""

LONGEST_TEXT = 1_000
LARGEST_SIGNATURE = 8_192

FREEZE_SCHEMA = "sluicegate.freeze/v1"

GATE = "gate"
"""The actor of decisions that no operator ordered."""

_ACTOR = {"ack": "actuator"}
_ACTION = {"control": "control", "ack": "status", "decision": "action", "command": "action"}


def audited(names: TopicNames) -> dict[str, EntryKind]:
    """The audited topics, each with the kind of its records."""
    return {
        names.policies: "start",
        names.controls: "control",
        names.decisions: "decision",
        names.commands: "command",
        names.acks: "ack",
    }


def audit_record(
    kind: EntryKind, source: Origin, at: int, value: bytes | None, headers: Iterable[tuple[str, bytes | None]] = ()
) -> AuditRecord:
    """What the log keeps of a record. It never raises: an unreadable record is audited like any other."""
    document = _document(value)
    small = value is not None and len(value) <= LARGEST_VALUE
    actor = _text(document, _ACTOR.get(kind, "by"))
    action = "start" if kind == "start" else _text(document, _ACTION.get(kind, ""))
    found = _kind(kind, document, action)
    if found == "freeze":
        action = "freeze" if document and document.get("frozen") is True else "unfreeze"
    return AuditRecord(
        source=source,
        at=at,
        kind=found,
        rollout=_text(document, "rollout"),
        actor=actor or (GATE if found in ("decision", "command") else None),
        action=None if document is None else action,
        reason=_text(document, "reason"),
        id=_text(document, "id"),
        value=_decoded(value) if small else None,
        sha256=None if value is None else digest(value),
        signature=_signature(headers),
    )


def unreadable_record(source: Origin, at: int, value: bytes | None) -> AuditRecord:
    """What the log keeps of a record that it cannot keep otherwise: its place, its time and the hash of its value."""
    names: tuple[str, ...] = ("rollout", "actor", "action", "reason", "id", "value", "signature")
    hashed = None if value is None else digest(value)
    return AuditRecord(source=source, at=at, kind="unreadable", sha256=hashed, **dict.fromkeys(names))


def _kind(kind: EntryKind, document: Mapping[str, Any] | None, action: str | None) -> EntryKind:
    if document is None:
        return "unreadable"
    if kind == "control" and document.get("schema") == FREEZE_SCHEMA:
        return "freeze"
    return "approval" if (kind, action) == ("control", "approve") else kind


def _document(value: bytes | None) -> Mapping[str, Any] | None:
    try:
        found = orjson.loads(value or b"")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _text(document: Mapping[str, Any] | None, field: str) -> str | None:
    found = (document or {}).get(field)
    return found[:LONGEST_TEXT] if isinstance(found, str) else None


def _signature(headers: Iterable[tuple[str, bytes | None]]) -> str | None:
    found = dict(headers).get(HEADER)
    return _decoded(found) if found is not None and len(found) <= LARGEST_SIGNATURE else None


def _decoded(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None
