"""The role `audit`: one of its workers writes the audit log, the others stand by.

The worker to which the group assigns the log's only partition writes. The group's committed offset is the newest
entry's place. Nothing depends on there being one writer at a time, see `streams.audit.writer`.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import CommitFailedError, GroupAuthorizationFailedError, IllegalStateError, KafkaError
from aiokafka.structs import TopicPartition
from mode import Service

from connectors.error_text import text_of
from connectors.kafka import clients
from connectors.kafka.consumer_progress import answered
from connectors.kafka.stalled_partitions import describe, stalled
from connectors.kafka.stopping import stop_client
from connectors.kafka.topic_reader import TopicsMissingError
from streams.audit.writer import AUDIT_PARTITION, Writer
from streams.runtime import metrics
from streams.runtime.health import LONGEST_UNANSWERED_MS, Health
from streams.runtime.settings import Settings

RETRY_SECONDS = 1.0
ROUND_MS = 100
LAST_ROUND_SECONDS = 5.0
"""How long a stop waits for the round that is running; longer would risk the worker's `stop_timeout_ms`."""


class Audit(Service):
    """Writes the audit log while the group assigns it to this worker."""

    def __init__(self, settings: Settings, health: Health, **options: Any) -> None:
        super().__init__(**options)
        self._settings = settings
        self._place = TopicPartition(settings.topics.audit, AUDIT_PARTITION)
        self._pulse = health.pulse("audit")
        self._writer: Writer | None = None
        self._turn = asyncio.Lock()  # a stop waits for the round that is running

    async def on_start(self) -> None:
        """Join the group."""
        self._succeeded_at = asyncio.get_running_loop().time()
        self._group = clients.consumer(
            self._settings, group_id=self._settings.group("audit"), **self._settings.membership
        )
        self._group.subscribe([self._place.topic], listener=_Assignment(self))
        self.async_exit_stack.push_async_callback(stop_client, self._group)  # also if the start fails
        await self._group.start()

    async def on_stop(self) -> None:
        """Leave the group."""
        try:
            async with asyncio.timeout(LAST_ROUND_SECONDS), self._turn:
                await self._close_writer()
        except TimeoutError:
            self.log.warning(
                "the last round did not end within %g s; its entries are valid or void, nothing is lost",
                LAST_ROUND_SECONDS,
            )
        finally:
            await stop_client(self._group)

    def joined(self, assigned: set[TopicPartition]) -> None:
        """The group assigned the log, or nothing. The writer reads it by itself, so here it is paused.

        Without the log the role stands by, as all but one do, so it is ready then, too.
        """
        self._group.pause(*assigned)
        self._pulse.ready = True

    @Service.task
    async def _run(self) -> None:
        while not self.should_stop:
            async with self._turn:
                if not self.should_stop:
                    await self._round()
            await asyncio.sleep(0)

    async def _round(self) -> None:
        """Write what is new, if the log is assigned to this worker.

        A failure of any kind, once it lasts, is shown by `/healthz`. It never ends the worker, which may run a judge
        too.

        Raises:
            GroupAuthorizationFailedError: the group is denied; the role starts again.
        """
        try:
            await self._group.getmany(timeout_ms=0)  # the partition is paused: this only keeps the membership
            if self._place not in self._group.assignment():
                await self._close_writer()
                if answered(self._group, LONGEST_UNANSWERED_MS):
                    self._succeeded()
                await self.sleep(ROUND_MS / 1000.0)
            elif await self._write():
                self._succeeded()
        except GroupAuthorizationFailedError:
            raise  # the client raises it in each round from now on, also once it may join: the role needs a new one
        except Exception as error:
            known = isinstance(error, KafkaError | TimeoutError | TopicsMissingError)
            self.log.error(
                "auditing failed; the writer starts again from the log: %s", text_of(error), exc_info=not known
            )
            await self._close_writer()
            self._pulse.beat()
            if asyncio.get_running_loop().time() - self._succeeded_at > LONGEST_UNANSWERED_MS / 1000.0:
                self._pulse.trouble = f"auditing fails: {type(error).__name__}"
            await self.sleep(RETRY_SECONDS)

    def _succeeded(self) -> None:
        self._succeeded_at = asyncio.get_running_loop().time()
        self._pulse.trouble = ""
        self._pulse.beat()

    async def _write(self) -> bool:
        """Write once; returns whether there was headway."""
        if self._writer is None:
            self._writer = Writer(self._settings, self._pulse.beat)
            await self._writer.open(await self._group.committed(self._place))
        if await self._writer.step(ROUND_MS):
            try:
                await self._group.commit({self._place: self._writer.head_offset})
            except (CommitFailedError, IllegalStateError) as error:
                self.log.info("commit of the audit group refused, another worker has the log now: %s", error)
        log, sources = self._writer.readers
        self._pulse.stalled = describe(stalled(log) | stalled(sources))
        if self._writer.outdated:
            await self._close_writer()
            return True
        return answered(sources, LONGEST_UNANSWERED_MS)

    async def _close_writer(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            metrics.AUDIT_LAG.clear()  # another worker writes, and shows it
            await writer.close()


class _Assignment(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka.abc is untyped
    """Passes the group's assignments to the service."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Nothing to do: the service stops writing at its next round, and its entries until then are valid or void."""

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._audit.joined(assigned)
