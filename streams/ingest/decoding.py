"""From record batches of a source partition to its chunker, and dead letters for what cannot be decoded."""

from __future__ import annotations

from collections.abc import Sequence

from aiokafka.structs import ConsumerRecord, TopicPartition

from connectors.dead_letters import DeadLetter
from connectors.decoders import RequestEvent
from connectors.decoders.decoder import Decoder
from connectors.kafka.bounded_batches import SkippedBatch
from connectors.kafka.record_times import record_time
from streams.ingest.chunks import Chunker, SourceRecord
from streams.runtime import metrics

RUN = 512
"""Records that are decoded and counted in one go, if each holds one good event.

One bad record sends only its run the slow way, and a run is small enough to stay in the processor's cache.
"""


class RecordDecoder:
    """Decodes records by one decoder. `max_bytes` is the size of the largest value that is decoded."""

    def __init__(self, decoder: Decoder, max_bytes: int) -> None:
        self._decoder = decoder
        self._max_bytes = max_bytes
        self._dead: list[DeadLetter] = []
        self._topic_id = ""  # of the partition that is being counted

    def count(
        self, chunker: Chunker, partition: TopicPartition, batches: list[list[ConsumerRecord[bytes, bytes]]]
    ) -> None:
        """Count the events of these batches, the next ones of the partition.

        A batch that was not read is a list with one `SkippedBatch`.
        """
        self._topic_id = chunker.place.topic_id
        for batch in batches:
            if batch and isinstance(batch[0], SkippedBatch):
                self._skip(chunker, partition, batch[0])
                continue
            for start in range(0, len(batch), RUN):
                run = batch[start : start + RUN]
                events = self._decode_run(run)
                if events is None:
                    chunker.count_records(self._decode(partition, record) for record in run)
                else:
                    chunker.count_run(run, events)

    def _decode_run(self, run: list[ConsumerRecord[bytes, bytes]]) -> Sequence[RequestEvent] | None:
        """The events of these records, if each has one good event; else they are decoded one by one."""
        try:
            return self._decoder.decode_run([record.value for record in run], max_bytes=self._max_bytes)
        except Exception:  # of any kind: alone, the record that caused it becomes a dead letter
            return None

    def _set_aside(
        self, partition: TopicPartition, record: ConsumerRecord[bytes, bytes], fault: tuple[int, str, str, bytes]
    ) -> None:
        """Make a dead letter of a fault: its index, reason, detail and bytes."""
        index, reason, detail, raw = fault
        metrics.DEAD_LETTERS.labels(partition.topic, reason).inc()
        where = (partition.topic, partition.partition, record.offset, index)
        self._dead.append(DeadLetter(*where, reason, detail, record.key, raw, topic_id=self._topic_id))

    def drain_dead_letters(self) -> list[DeadLetter]:
        """The dead letters since the last call."""
        dead, self._dead = self._dead, []
        return dead

    def _skip(self, chunker: Chunker, partition: TopicPartition, skipped: SkippedBatch) -> None:
        """Go on after a batch that was not read: its records are missing, and its dead letter has only its place."""
        chunker.skip(skipped.offset, record_time(skipped), skipped.records)
        metrics.DEAD_LETTERS.labels(partition.topic, skipped.reason).inc()
        where = (partition.topic, partition.partition, skipped.first, 0)
        self._dead.append(DeadLetter(*where, skipped.reason, skipped.detail, None, b"", topic_id=self._topic_id))

    def _decode(self, partition: TopicPartition, record: ConsumerRecord[bytes, bytes]) -> SourceRecord:
        """The events of a record that count; its faults become dead letters, and so does what a decoder fails on."""
        try:
            events = self._decoder.decode_valid(record.value, max_bytes=self._max_bytes)
            if events is not None:
                return SourceRecord(record.offset, record_time(record), events)
            found = self._decoder.decode(record.value, max_bytes=self._max_bytes)
        except Exception as error:  # of any kind: one record must not end ingest, which would read it again
            self._set_aside(partition, record, (0, "failed", f"the decoder failed: {error!r}", record.value or b""))
            return SourceRecord(record.offset, record_time(record), [])
        for fault in found.faults:
            self._set_aside(partition, record, (fault.index, fault.reason, fault.detail, fault.raw))
        return SourceRecord(record.offset, record_time(record), found.counted, found.unreadable)
