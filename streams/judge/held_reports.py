"""Reports on rollouts that are not judged: theirs is set aside, or their journal partition is truncated.

That is done beside the fold: `gate-status` is read for it, which may fail, and concerns no rollout that is judged.
"""

from __future__ import annotations

import asyncio
import logging

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from connectors.error_text import text_of
from connectors.kafka.topic_reader import TopicsMissingError
from streams.judge.recovery import Recovery
from streams.judge.sending import Sender
from streams.judge.truncation import held_statuses
from streams.runtime.settings import Settings

RETRY_SECONDS = 1.0

log = logging.getLogger(__name__)


class HeldReports:
    """Publishes the statuses of these rollouts, as held, once each."""

    def __init__(
        self, settings: Settings, consumer: AIOKafkaConsumer[bytes, bytes], recovery: Recovery, sender: Sender
    ) -> None:
        self._settings = settings
        self._consumer = consumer
        self._recovery = recovery
        self._sender = sender
        self._task: asyncio.Task[None] | None = None

    def report(self) -> None:
        """Begin to report those that are not reported yet, unless that is going on."""
        due = self._recovery.truncated.unreported or self._recovery.unreported
        if due and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._report())

    def stop(self) -> None:
        """Leave the rest to the next judge."""
        if self._task is not None:
            self._task.cancel()

    async def _report(self) -> None:
        truncated, aside = self._recovery.truncated, dict(self._recovery.unreported)
        partitions = truncated.unreported
        try:
            statuses = await held_statuses(self._settings, aside.get) if aside else []
            if partitions:
                found: set[int] = self._consumer.partitions_for_topic(self._settings.topics.journal) or set()
                statuses += await truncated.statuses(partitions, set(self._settings.journal_partitions(found)))
        except (KafkaError, TimeoutError, TopicsMissingError) as error:
            log.error(
                "rollouts that are not judged are not reported, next try in %g s: %s", RETRY_SECONDS, text_of(error)
            )
            await asyncio.sleep(RETRY_SECONDS)
            return
        for name, document in statuses:
            self._sender.put_status(name, document)
        truncated.reported(partitions)
        for name in aside:
            self._recovery.unreported.pop(name, None)
