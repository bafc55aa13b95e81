"""Dead letters that are sent beside a role."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka.errors import MessageSizeTooLargeError
from prometheus_client import REGISTRY

from connectors.dead_letters import DeadLetter
from streams.runtime import letter_box, outbox
from streams.runtime.health import Pulse
from streams.runtime.letter_box import LetterBox
from streams.runtime.outbox import Bounds
from streams.runtime.settings import Settings


class Producer:
    """As much of a producer as letters need: its topic accepts values up to `largest` bytes."""

    def __init__(self) -> None:
        self.largest = 1 << 20
        self.sent: list[tuple[str, bytes, dict[str, Any]]] = []
        self.hangs = False

    async def send_and_wait(self, topic: str, value: bytes, **options: Any) -> None:
        """Accept a message, or refuse it for its size."""
        if len(value) > self.largest:
            raise MessageSizeTooLargeError
        self.sent.append((topic, value, options))

    async def stop(self) -> None:
        """Disconnect, if the broker answers."""
        if self.hangs:
            await asyncio.Event().wait()


def letter(value: bytes, offset: int = 7) -> DeadLetter:
    """Return a letter about a record with this value."""
    return DeadLetter("e", 0, offset, 0, "bad_json", "broken", b"key", value)


@pytest.fixture
def producer() -> Producer:
    """The producer of the letters."""
    return Producer()


@pytest.fixture
async def box(producer: Producer, monkeypatch: pytest.MonkeyPatch) -> LetterBox:
    """A box that tries again soon."""
    monkeypatch.setattr(outbox, "RETRY_SECONDS", 0.001)
    monkeypatch.setattr(letter_box, "LAST_SECONDS", 0.01)
    found = LetterBox(Settings(), Pulse("ingest"))
    monkeypatch.setattr(found, "_producer", producer, raising=False)
    return found


async def test_letters_keep_their_key(box: LetterBox, producer: Producer) -> None:
    """A letter is its bytes, with its key and headers."""
    box.put([letter(b"{")])
    assert await box.settle()
    assert producer.sent == [("dead-letters", b"{", {"key": b"key", "headers": letter(b"{").headers()})]


async def test_one_that_is_too_large_goes_by_its_place(box: LetterBox, producer: Producer) -> None:
    """Without key and value, since its headers have the place."""
    producer.largest = 100
    box.put([letter(b"{" * 101)])
    assert await box.settle()
    ((topic, value, options),) = producer.sent
    assert (topic, value, options["headers"]) == ("dead-letters", b"", letter(b"{" * 101).without_bytes().headers())
    assert dict(options["headers"])["detail"] == b"(its 101 bytes were not kept) broken"


async def test_a_topic_that_takes_none_holds_nobody_up(
    box: LetterBox, producer: Producer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Letters wait for it, as many as fit; the rest is named and counted."""
    monkeypatch.setattr(box._outbox, "_bounds", Bounds(messages=2, at_once=500))
    producer.largest = -1
    before = REGISTRY.get_sample_value("sluicegate_dropped_messages_total", {"topic": "dead-letters"}) or 0
    box.put([letter(b"{", offset) for offset in range(3)])
    assert not await box.settle()
    assert REGISTRY.get_sample_value("sluicegate_dropped_messages_total", {"topic": "dead-letters"}) == before + 1
    assert "1 are dropped, the last of e partition 0, offset 2, element 0 (bad_json)" in caplog.text
    producer.largest = 1 << 20
    async with asyncio.timeout(60):
        while not await box.settle():
            await asyncio.sleep(0)
    assert len(producer.sent) == 2


async def test_a_stop_does_not_wait_for_a_broker_that_hangs(box: LetterBox, producer: Producer) -> None:
    """What was not accepted by then is given up."""
    producer.largest, producer.hangs = -1, True
    box.put([letter(b"{")])
    await box.stop()
    assert producer.sent == []
