"""The audit writer makes an entry of any record."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.structs import ConsumerRecord

from streams.audit import writer
from streams.audit.chain import Head, decode
from streams.audit.writer import Writer
from streams.runtime.settings import Settings


def a_record(timestamp: int) -> ConsumerRecord[bytes, bytes]:
    """Junk on the topic of acks."""
    return ConsumerRecord("command-acks", 0, 7, timestamp, 0, None, b"junk", None, -1, 4, ())


def drafted(timestamp: int) -> Any:
    """The entry that a writer makes of it."""
    kept: Any = object.__new__(Writer)  # no connection is needed for this
    kept._settings, kept._kinds = Settings(), {"command-acks": "ack"}
    kept._topics = SimpleNamespace(id_of=lambda topic: "X")
    entry, value = kept._draft(Head(), a_record(timestamp))
    assert decode(value) == entry
    return entry


@pytest.mark.parametrize("timestamp", [-(1 << 60), -(10**15), -1, (1 << 63) - 1])
def test_a_record_of_any_time(timestamp: int) -> None:
    """Its time is bounded on entry, so that canonical JSON and dates can hold it."""
    entry = drafted(timestamp)
    assert (entry.kind, entry.value) == ("unreadable", "junk")
    assert -1 <= entry.at < 1 << 53


def test_a_record_that_cannot_be_read_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is audited by place and hash."""

    def fail(*_: object) -> None:
        raise OverflowError("an integer is outside the range")

    monkeypatch.setattr(writer, "audit_record", fail)
    entry = drafted(0)
    assert (entry.kind, entry.value, entry.source.offset) == ("unreadable", None, 7)
