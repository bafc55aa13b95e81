"""Decoding records: runs of good ones together, the others one by one, and dead letters for what is no event."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from aiokafka.structs import ConsumerRecord, TopicPartition

from connectors.dead_letters import DeadLetter
from connectors.decoders import MAX_BYTES, Decoded, RequestEvent
from connectors.decoders.registry import decoder
from connectors.kafka.bounded_batches import SkippedBatch
from streams.cells import SourcePartition
from streams.ingest.chunks import Chunker
from streams.ingest.decoding import RUN, RecordDecoder
from tests.streams.ingest.source_logs import T0

PARTITION = TopicPartition("request-events", 3)
GOOD = json.dumps({"ts": T0, "rollout": "r", "cohort": "c", "status": 200, "latency_ms": 1}).encode()
UNTAGGED = json.dumps({"ts": T0, "rollout": "r", "status": 200, "latency_ms": 1}).encode()


def records(values: Sequence[bytes]) -> list[ConsumerRecord[bytes, bytes]]:
    """Return records with these values."""
    topic, partition = PARTITION
    return [
        ConsumerRecord(topic, partition, offset, T0, 0, b"key", value, None, 3, len(value), ())
        for offset, value in enumerate(values)
    ]


def counted(values: Sequence[bytes], max_bytes: int = MAX_BYTES) -> tuple[dict[str, int], int, list[DeadLetter]]:
    """Return the requests by cohort, the offset reached and the dead letters of these values."""
    chunker, found = Chunker(SourcePartition(*PARTITION)), RecordDecoder(decoder(), max_bytes)
    found.count(chunker, PARTITION, [records(values)])
    flush = chunker.flush()
    cells = [record for partial in flush.partials for record in partial.cells]
    letters = found.drain_dead_letters()
    assert found.drain_dead_letters() == []
    return {record.cohort: record.cell().requests for record in cells}, flush.position or 0, letters


def test_good_records_are_counted() -> None:
    """All records of more than one run count."""
    assert counted([GOOD] * (RUN + 1)) == ({"c": RUN + 1}, RUN + 1, [])


def test_a_bad_record_becomes_a_dead_letter() -> None:
    """The others of its run count, and the offset moves past it."""
    sums, position, letters = counted([GOOD, b"oops", GOOD])
    assert (sums, position) == ({"c": 2}, 3)
    (letter,) = letters
    assert (letter.topic, letter.partition, letter.offset, letter.index) == (*PARTITION, 1, 0)
    assert (letter.reason, letter.key, letter.value) == ("bad_json", b"key", b"oops")


def test_elements_are_judged_alone() -> None:
    """In an array the good elements count, and a letter holds the bad one."""
    sums, _, letters = counted([b"[" + GOOD + b", 7, " + GOOD + b"]"])
    assert sums == {"c": 2}
    assert [(letter.index, letter.value) for letter in letters] == [(1, b"7")]


def test_an_event_without_a_cohort_counts_and_is_a_letter() -> None:
    """It counts in the cohort ""."""
    sums, _, letters = counted([UNTAGGED])
    assert (sums, [letter.reason for letter in letters]) == ({"": 1}, ["missing_field"])


def test_the_limit_of_bytes_is_the_decoders() -> None:
    """A larger value is not decoded: its event is no request of its cohort."""
    sums, position, letters = counted([GOOD], max_bytes=len(GOOD) - 1)
    assert (sums, position, [letter.reason for letter in letters]) == ({"c": 0}, 1, ["oversized"])


def test_a_bad_record_counts_against_its_cohort() -> None:
    """As unreadable, beside its dead letter; the good element of the same record counts."""
    bad = GOOD.replace(b"200", b"999")
    chunker, found = Chunker(SourcePartition(*PARTITION)), RecordDecoder(decoder(), MAX_BYTES)
    found.count(chunker, PARTITION, [records([GOOD, bad, b"[" + GOOD + b"," + bad + b"]", bad[:-5]])])
    ((cell,),) = [partial.cells for partial in chunker.flush().partials]
    assert (cell.cohort, cell.start, cell.requests, cell.unreadable) == ("c", T0, 2, 3)
    assert [letter.reason for letter in found.drain_dead_letters()] == ["wrong_field", "wrong_field", "bad_json"]


class FailingDecoder:
    """The native decoder, which fails on one value in a way that nobody expects."""

    def decode_run(self, values: Sequence[bytes | None], *, max_bytes: int = MAX_BYTES) -> list[RequestEvent] | None:
        """Fail if one of these is the value."""
        for value in values:
            self.decode(value, max_bytes=max_bytes)
        return decoder().decode_run(values, max_bytes=max_bytes)

    def decode_valid(self, value: bytes | None, *, max_bytes: int = MAX_BYTES) -> list[RequestEvent] | None:
        """Fail if this is the value."""
        self.decode(value, max_bytes=max_bytes)
        return decoder().decode_valid(value, max_bytes=max_bytes)

    def decode(self, value: bytes | None, *, max_bytes: int = MAX_BYTES) -> Decoded:
        """Fail if this is the value."""
        if value == b"bomb":
            raise OverflowError("an integer is outside the range")
        return decoder().decode(value, max_bytes=max_bytes)


def test_a_record_on_which_the_decoder_fails_becomes_a_dead_letter() -> None:
    """The others of its run count, and the offset moves past it."""
    chunker, found = Chunker(SourcePartition(*PARTITION)), RecordDecoder(FailingDecoder(), MAX_BYTES)
    found.count(chunker, PARTITION, [records([GOOD, b"bomb", GOOD])])
    flush = chunker.flush()
    assert flush.position == 3
    assert sum(record.cell().requests for partial in flush.partials for record in partial.cells) == 2
    (letter,) = found.drain_dead_letters()
    assert (letter.reason, letter.offset, letter.value) == ("failed", 1, b"bomb")


def test_a_batch_that_was_not_read_is_set_aside_by_its_place() -> None:
    """Its records are missing from any rollout, and the chunk goes on after it."""
    chunker, found = Chunker(SourcePartition(*PARTITION)), RecordDecoder(decoder(), MAX_BYTES)
    skipped = SkippedBatch(1, 63, T0, 63, "oversized_batch", "the batch of offsets 1 to 63 was not read")
    after = records([GOOD])[0]
    found.count(chunker, PARTITION, [records([GOOD]), [skipped], [replace(after, offset=64)]])
    flush = chunker.flush()
    (partial,) = flush.partials
    assert (partial.start, partial.upto, sum(cell.requests for cell in partial.cells)) == (0, 65, 2)
    assert (flush.limited.unplaced, flush.limited.refused, flush.position) == (63, 0, 65)
    (letter,) = found.drain_dead_letters()
    assert (letter.offset, letter.reason, letter.key, letter.value) == (1, "oversized_batch", None, b"")
    assert letter.detail == "the batch of offsets 1 to 63 was not read"
