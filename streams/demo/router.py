"""The weighted router in front of both versions: `python -m streams.demo.router --port 8000 --bootstrap ...`.

It is an actuator: it carries out the gate's decisions and acknowledges them with the weights in use. Each request that
it serves becomes one request event. GET /-/state is its report; POST /-/telemetry {"emit": false} stops its events.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import AsyncIterator, Mapping
from itertools import count
from typing import Final

import aiohttp
import orjson
from aiohttp import web

from connectors import actuators
from connectors.actuators import Wanted
from connectors.kafka import clients
from connectors.kafka.clients import KafkaSettings
from connectors.kafka.stopping import stop_client
from streams.clock import wall_ms
from streams.demo.routing import Routing, request_event
from streams.demo.seeds import seeded_random
from streams.demo.upstream import FAULT_HEADER

UPSTREAM_TIMEOUT_S: Final = 5.0
MOST_WAITING_EVENTS: Final = 20_000
LINGER_MS: Final = 20
BAD_GATEWAY: Final = 502

_log = logging.getLogger(__name__)


class EventEmitter:
    """Sends request events to Kafka; traffic never waits for it, and events that do not fit the queue are dropped."""

    def __init__(self, settings: KafkaSettings, routing: Routing) -> None:
        self.emit = True
        self._settings = settings
        self._report = routing.report
        self._waiting: asyncio.Queue[tuple[bytes, bytes]] = asyncio.Queue(MOST_WAITING_EVENTS)

    def put(self, request_id: str, document: Mapping[str, object]) -> None:
        """Queue an event."""
        if not self.emit:
            return
        try:
            self._waiting.put_nowait((request_id.encode(), orjson.dumps(document)))
        except asyncio.QueueFull:
            self._report.events_dropped += 1

    async def run(self) -> None:
        """Send until cancelled."""
        producer = clients.producer(self._settings, linger_ms=LINGER_MS)
        try:
            await producer.start()
            while True:
                key, value = await self._waiting.get()
                sent = await producer.send(self._settings.topics.events, value, key=key)
                sent.add_done_callback(self._sent)
        finally:
            await stop_client(producer)

    def _sent(self, sent: asyncio.Future[object]) -> None:
        if not sent.cancelled() and sent.exception() is not None:
            self._report.events_dropped += 1


class Router:
    """Serves requests by weight, measures them, emits events; as an actuator it changes the weights."""

    name = "demo-router"

    def __init__(self, rollout: str, routing: Routing, upstreams: Mapping[str, str], emitter: EventEmitter) -> None:
        self._rollout = rollout
        self._routing = routing
        self._upstreams = upstreams
        self._emitter = emitter
        self._ids = count(1)
        self._session: aiohttp.ClientSession | None = None

    async def apply(self, wanted: Wanted) -> Mapping[str, float]:
        """Use the ordered weights from the next request on."""
        return self._routing.apply(wanted.weights, wall_ms())

    async def serve(self, request: web.Request) -> web.Response:
        """Forward one request, and emit its event."""
        routing, request_id = self._routing, f"r{next(self._ids)}"
        cohort = routing.choose()
        routing.count_request(cohort, wall_ms())
        began = time.perf_counter()
        status, body, faulty = await self._ask(self._upstreams[cohort] + request.path_qs)
        latency_ms, now = (time.perf_counter() - began) * 1000.0, wall_ms()
        routing.count_answer(cohort, status, now, faulty=faulty)
        self._emitter.put(request_id, request_event(request_id, self._rollout, cohort, status, latency_ms, now))
        return web.Response(status=status, body=body, content_type="application/json")

    async def _ask(self, url: str) -> tuple[int, bytes, bool]:
        assert self._session is not None  # noqa: S101 - open while the application runs
        try:
            async with self._session.get(url) as answer:
                return answer.status, await answer.read(), FAULT_HEADER in answer.headers
        except (aiohttp.ClientError, TimeoutError) as error:
            return BAD_GATEWAY, orjson.dumps({"error": type(error).__name__}), False

    async def state(self, _request: web.Request) -> web.Response:
        """GET /-/state: the report and the weights."""
        body = orjson.dumps(self._routing.report.document() | {"weights": self._routing.weights})
        return web.Response(body=body, content_type="application/json")

    async def telemetry(self, request: web.Request) -> web.Response:
        """POST /-/telemetry: emit events, or stop."""
        self._emitter.emit = bool((await request.json())["emit"])
        return web.Response(status=204)

    async def connected(self, _app: web.Application) -> AsyncIterator[None]:
        """Keep connections to the upstreams while the application runs."""
        timeout = aiohttp.ClientTimeout(total=UPSTREAM_TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as self._session:
            yield


def app(router: Router, emitter: EventEmitter, settings: KafkaSettings, rollout: str) -> web.Application:
    """The web application; emitter and actuator run as tasks beside it."""

    async def beside(_app: web.Application) -> AsyncIterator[None]:
        tasks = [
            asyncio.create_task(emitter.run()),
            asyncio.create_task(actuators.run(router, settings, rollouts=[rollout], clock=wall_ms)),
        ]
        for task in tasks:
            task.add_done_callback(_ended)
        yield
        for task in tasks:
            task.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2.0):
                await asyncio.gather(*tasks, return_exceptions=True)

    made = web.Application()
    made.cleanup_ctx.extend([router.connected, beside])
    made.add_routes([web.get("/-/state", router.state), web.post("/-/telemetry", router.telemetry)])
    made.add_routes([web.get("/{path:.*}", router.serve)])
    return made


def _ended(task: asyncio.Task[None]) -> None:
    """End the process: a router that ignores orders or emits nothing would spoil the demo without a trace."""
    if not task.cancelled() and task.exception() is not None:
        _log.critical("stopping: %r", task.exception(), exc_info=task.exception())
        signal.raise_signal(signal.SIGTERM)


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    for option in ("bootstrap", "rollout", "baseline", "candidate", "baseline-url", "candidate-url"):
        parser.add_argument(f"--{option}", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings = KafkaSettings.model_validate({"bootstrap": given.bootstrap})
    routing = Routing(given.baseline, given.candidate, seeded_random(given.seed, "router"))
    emitter = EventEmitter(settings, routing)
    urls = {given.baseline: given.baseline_url, given.candidate: given.candidate_url}
    router = Router(given.rollout, routing, urls, emitter)
    made = app(router, emitter, settings, given.rollout)
    web.run_app(made, host="127.0.0.1", port=given.port, access_log=None, print=None, shutdown_timeout=1.0)


if __name__ == "__main__":
    main()
