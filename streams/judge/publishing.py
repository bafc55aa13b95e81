"""What the judge publishes: decisions, commands, statuses, dead letters, and the metrics of each."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from connectors.dead_letters import DeadLetter
from connectors.kafka import clients
from connectors.signing.keys import keyring
from gates.decisions import Action, Command, Decision
from streams.cells import SourcePartition
from streams.journal import encode_document
from streams.judge.fold import FrozenError
from streams.judge.outputs import (
    Acknowledged,
    FoldOutput,
    ForeignCounts,
    FreezesStatus,
    JudgingFailed,
    LateEvents,
    RolloutSetAside,
    RolloutStatus,
)
from streams.judge.replay_guard import ReplayedError
from streams.judge.set_aside import SetAsideError
from streams.judge.sources import SourceHole
from streams.runtime import metrics, rollout_metrics
from streams.runtime.settings import Settings

log = logging.getLogger(__name__)

Sent = asyncio.Future[Any]
"""A message on its way; done when the broker has acknowledged it."""


FREEZES_KEY = b"\x00freezes/"
"""Begins the keys of the freezes on `gate-status`, one for each journal partition; no rollout can have this name."""


class Publisher:
    """Publishes the outputs of folds. Nothing waits for an acknowledgement here: the caller gathers them per round."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topics = settings.topics
        self._keyring = keyring(settings, "gate")
        self._statuses: dict[str, RolloutStatus] = {}
        self._last: dict[str, str] = {}  # by rollout, the id of its last decision
        self._holes: dict[SourcePartition, int] = {}  # by source partition, the end of the last hole reported

    async def start(self) -> None:
        """Connect."""
        self._producer = clients.producer(self._settings)
        await self._producer.start()

    async def stop(self) -> None:
        """Disconnect."""
        await self._producer.stop()

    async def publish(self, output: FoldOutput) -> list[Sent]:
        """As `_publish`; an output that cannot be written, of any rollout, does not keep back those after it.

        Raises:
            aiokafka.errors.KafkaError: Kafka does not accept it.
        """
        try:
            return await self._publish(output)
        except KafkaError:
            raise
        except Exception:
            log.exception("this output cannot be published: %s", output)
            metrics.UNPUBLISHED.inc()
            return []

    async def _publish(self, output: FoldOutput) -> list[Sent]:
        """Send a decision or command; keep a status for `publish_statuses`; only count the rest.

        The gate sends an order again until it is confirmed, as the same decision.
        """
        match output:
            case Decision():
                if self._last.get(output.rollout) == output.id:
                    log.info("resending %s: it is not confirmed yet", output.id)
                else:
                    log.info("%s %s: %s", output.id, output.action, output.reason)
                self._last[output.rollout] = output.id
                rollout_metrics.count(metrics.DECISIONS, output.rollout, output.action.value)
                rollout_metrics.count(metrics.ESCALATIONS, output.rollout, by=output.escalate)
                return [await self._send_signed(self._topics.decisions, output.rollout, output.document())]
            case Command():
                return [await self._send_signed(self._topics.commands, output.decision.rollout, output.document())]
            case RolloutStatus():
                self._statuses[output.rollout] = output
            case FreezesStatus():
                key = b"%b%d" % (FREEZES_KEY, output.partition)
                return [await self._send(self._topics.status, encode_document(output.document), key=key)]
            case RolloutSetAside():
                self._statuses.pop(output.rollout, None)
                rollout_metrics.forget_rollout(output.rollout)
                rollout_metrics.count(metrics.ESCALATIONS, output.rollout)
                log.critical("%s is set aside (docs/operations.md#upgrades): %s", output.rollout, output.why)
            case SourceHole():
                self._report_hole(output)
            case _:
                _count(output)
        return []

    def _report_hole(self, hole: SourceHole) -> None:
        """Report offsets that nobody has counted, once: the progress that shows them is in each journal partition."""
        if hole.upto <= self._holes.get(hole.source, 0):
            return
        self._holes[hole.source] = hole.upto
        metrics.UNCOUNTED.labels(hole.source.partition).inc(hole.upto - hole.first)
        log.error(
            "%s partition %d: offsets %d to %d were never counted, so telemetry is incomplete; check the topic's "
            "retention, and that nothing else uses ingest's group or moves its offsets "
            "(docs/reliability.md#offsets-that-were-never-counted)",
            hole.source.topic,
            hole.source.partition,
            hole.first,
            hole.upto - 1,
        )

    async def publish_statuses(self) -> list[Sent]:
        """Send the newest status of each rollout since the last call.

        Only the newest, because `gate-status` is compacted: after an outage a rollout has hundreds, of
        which only the last is of use.
        """
        statuses, self._statuses = self._statuses, {}
        sent: list[Sent] = []
        for name, status in statuses.items():
            try:
                rollout_metrics.show_status(status.document)
                sent.append(await self.send_status(name, status.document))
            except KafkaError:
                raise
            except Exception:  # of any kind: it is this rollout's own
                log.exception("the status of %s cannot be published", name)
                metrics.UNPUBLISHED.inc()
        return sent

    async def send_status(self, rollout: str, document: Mapping[str, object]) -> Sent:
        """Send one status."""
        return await self._send(self._topics.status, encode_document(document), key=rollout.encode())

    async def send_dead_letter(self, record: ConsumerRecord[bytes, bytes], error: Exception) -> Sent:
        """Send a journal record that cannot be folded to the dead letters, so that the records behind it are judged."""
        reason = "failed"
        if isinstance(error, ValueError):  # a record that does not decode as well
            reason = error.reason if isinstance(error, ReplayedError | FrozenError | SetAsideError) else "bad_record"
        log.error(
            "journal partition %d, offset %d: record refused and sent to dead-letters (%s): %s",
            record.partition,
            record.offset,
            reason,
            error,
        )
        metrics.DEAD_LETTERS.labels(record.topic, reason).inc()
        place = (record.topic, record.partition, record.offset, 0)
        letter = DeadLetter(*place, reason, str(error), record.key, record.value or b"")
        return await self._send(self._topics.dead_letters, letter.body(), key=letter.key, headers=letter.headers())

    async def _send_signed(self, topic: str, rollout: str, document: dict[str, object]) -> Sent:
        value = encode_document(document)
        return await self._send(topic, value, key=rollout.encode(), headers=self._keyring.sign(topic, value))

    async def _send(self, topic: str, value: bytes, **options: Any) -> Sent:
        sent: Sent = await self._producer.send(topic, value, **options)
        return sent


def _count(output: FoldOutput) -> None:
    """Count what is not published itself."""
    match output:
        case Acknowledged():
            rollout_metrics.count(metrics.ACKS, output.rollout, output.status)
            if output.took_ms is not None and output.action == Action.ROLLBACK:
                metrics.TIME_TO_ROLLBACK.observe(output.took_ms / 1000.0)
        case ForeignCounts():
            metrics.FOREIGN.labels(output.rule).inc()
        case LateEvents():
            rollout_metrics.count(metrics.LATE_EVENTS, output.rollout, by=output.events)
        case JudgingFailed():
            log.error("%s cannot be judged, so it is paused: %s", output.rollout, output.why)
            rollout_metrics.count(metrics.JUDGING_FAILED, output.rollout)
