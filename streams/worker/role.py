"""One role of a worker, started again whenever it fails: its failure must not end the other roles of the process.

A role fails at its start if the broker does not let it join its group, for example. It fails later if its consumer ends
for good. Faust and mode would end the whole worker then, and its supervisor would start it again and again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Final

from aiokafka.errors import KafkaConnectionError
from mode import Service

from connectors.kafka.stopping import is_own_cancellation
from streams.runtime import metrics
from streams.runtime.health import Health

FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 30.0
"""The pause before a role is started again doubles after each failure, from the first value to the longest."""
STOP_S: Final = 10.0
"""How long a role that failed may take to stop."""
POLL_S: Final = 0.1


class Role(Service):
    """Runs the service that `make` returns: a new one after each failure."""

    def __init__(self, name: str, make: Callable[[], Service], health: Health, **options: Any) -> None:
        super().__init__(**options)
        self._name = name
        self._make = make
        self._pulse = health.pulse(name)
        self._running: Service | None = None
        self._starting: asyncio.Task[None] | None = None

    async def on_stop(self) -> None:
        """Stop the service that runs."""
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait({self._starting})
        if self._running is not None:
            await self._running.stop()

    @Service.task
    async def _run(self) -> None:
        wait_s = FIRST_WAIT_S
        while True:
            began = asyncio.get_running_loop().time()
            error = await self._until_it_fails()
            if self.should_stop:
                return
            if asyncio.get_running_loop().time() - began > LONGEST_WAIT_S:
                wait_s = FIRST_WAIT_S  # it had worked for a while
            self._report(error, wait_s)
            await self._pause(wait_s, error)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    async def _until_it_fails(self) -> BaseException | None:
        """Start the service; return what ended it. After a stop of the worker nothing did."""
        service = self._make()
        self._starting = asyncio.create_task(service.start())
        while not (self._starting.done() or service.crashed):  # a part of it may fail while others wait without end
            await asyncio.wait({self._starting}, timeout=POLL_S)
        starting, self._starting = self._starting, None
        if not starting.done():
            starting.cancel()
            await asyncio.wait({starting})
            await self._end(service)
            return service.crash_reason
        if starting.cancelled():
            return None
        if (error := starting.exception()) is None:
            self._running, self._pulse.failed = service, ""
            while not (self.should_stop or service.should_stop):
                await self.sleep(POLL_S)
            if self.should_stop:
                return None
            self._running, error = None, service.crash_reason
        await self._end(service)
        return error

    async def _end(self, service: Service) -> None:
        """Stop a service that has failed, whatever state it is in: its connections and its membership end."""
        try:
            async with asyncio.timeout(STOP_S):
                await service.stop()
        except (Exception, asyncio.CancelledError) as error:
            if is_own_cancellation(error):
                raise
            self.log.debug("role %s did not stop in order: %r", self._name, error)
            with contextlib.suppress(Exception):
                await service.async_exit_stack.aclose()

    def _report(self, error: BaseException | None, wait_s: float) -> None:
        self.log.error(
            "role %s failed, next start in %g s; other roles go on: %s",
            self._name,
            wait_s,
            repr(error),
            exc_info=error if self.log.logger.isEnabledFor(10) else None,
        )
        metrics.ROLE_FAILURES.labels(self._name).inc()
        self._pulse.ready = False
        self._pulse.stalled = ""
        self._pulse.failed = f"starts again after {type(error).__name__}"

    async def _pause(self, seconds: float, error: BaseException | None) -> None:
        """Wait. It is headway, unless no broker answers: then the watchdog may end the process, as for every role."""
        if not isinstance(error, KafkaConnectionError | OSError):  # TimeoutError is an OSError
            self._pulse.beat()
        await self.sleep(seconds)
