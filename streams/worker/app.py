"""The worker: a Faust app with the services of its roles. The one place where they are wired together."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterable
from typing import Any, Final, cast

import faust
from faust.app.base import BootStrategy
from faust.worker import Worker
from mode import Service

from connectors.kafka.bounded_batches import bound_batches
from connectors.kafka.clients import METADATA_MS, MOST_AT_ONCE
from connectors.kafka.faust_credentials import broker_credentials
from connectors.kafka.private_faust import FolderlessApp, read_committed_only
from connectors.kafka.stalled_partitions import hold_stalled_partitions
from connectors.signing.keys import keyring
from streams.audit.service import Audit
from streams.clock import BrokerClock
from streams.ingest.service import Ingest
from streams.judge.service import Judge
from streams.runtime.health import Health
from streams.runtime.settings import Settings
from streams.runtime.watchdog import Watchdog, end_within
from streams.sequencer.agents import add_agents
from streams.sequencer.clock import GroupGuard, JournalClock
from streams.sequencer.order_topics import OrderTopics
from streams.worker.role import Role
from streams.worker.web import add_pages, faust_options

MOST_WAITING = 64
"""Messages of operators or actuators that are read ahead and wait for their agent, so that memory stays bounded."""

NO_FOLDER = "/nonexistent"
"""Faust demands the name of a folder for tables. A worker has none, and writes no file at all."""


def build(settings: Settings) -> faust.App:
    """The Faust app of a worker with these settings: the frame, which serves the pages and runs the roles.

    It has no connection of its own, and each role stands alone, so that none of them can end another.
    """
    app = _Frame(settings.group("sequencer"), **_faust_basics(settings), **faust_options(settings))
    app.producer_only = True  # it has no agents, and so nothing to subscribe to
    health = Health(longest_pause=settings.watchdog_ms / 3000.0)
    makers: dict[str, Callable[[], Service]] = {
        "ingest": lambda: Ingest(settings, health),
        "judge": lambda: Judge(settings, health),
        "audit": lambda: Audit(settings, health),
        "sequencer": lambda: sequencer(settings, health),
    }
    services = [Role(name, make, health) for name, make in makers.items() if name in settings.roles]
    for service in (*services, Watchdog(health, settings.watchdog_ms / 1000.0)):
        app.service(service)  # type: ignore[arg-type]  # it takes instances as well as classes
    add_pages(app, health)
    return app


def sequencer(settings: Settings, health: Health) -> faust.App:
    """The Faust app of the sequencer.

    Faust's own consumer serves only its topics; Faust's tables, leader topic and web server are off.
    """
    bound_batches()  # Faust makes its own consumer
    hold_stalled_partitions()
    read_committed_only()
    app = _Agents(
        settings.group("sequencer"),
        **_faust_basics(settings),
        broker_credentials=broker_credentials(settings),
        topic_allow_declare=False,
        topic_disable_leader=True,
        key_serializer="raw",
        value_serializer="raw",
        consumer_auto_offset_reset="earliest",
        consumer_metadata_max_age_ms=METADATA_MS,
        broker_session_timeout=settings.session_timeout_ms / 1000.0,
        broker_heartbeat_interval=settings.session_timeout_ms / 10_000.0,
        broker_commit_interval=0.5,
        broker_max_poll_records=MOST_AT_ONCE,
        producer_acks=-1,
        producer_request_timeout=30.0,
        stream_buffer_maxsize=MOST_WAITING,
        stream_wait_empty=False,
    )
    topics = OrderTopics(settings, app)
    broker_clock = BrokerClock()
    waiting = add_agents(app, settings, topics, health.pulse("sequencer"), broker_clock)
    for service in (topics, JournalClock(settings, health, app, waiting, broker_clock)):
        app.service(service)  # type: ignore[arg-type]  # as above
    return app


def _faust_basics(settings: Settings) -> dict[str, Any]:
    return {
        "broker": [f"kafka://{server.strip()}" for server in settings.bootstrap.split(",")],
        "store": "memory://",
        "datadir": NO_FOLDER,
        "autodiscover": False,
        "debug": False,
        "worker_redirect_stdouts": False,
    }


class _WithoutKafka(BootStrategy):
    enable_kafka = False


class _WithoutWeb(BootStrategy):
    enable_web = False

    def sensors(self) -> Iterable[Any]:
        """They are started first: the guard must run while the consumer waits for partitions."""
        return [*super().sensors(), GroupGuard(cast("faust.App", self.app))]


class _Frame(FolderlessApp):
    """An app with Faust's web server, and without its Kafka clients."""

    BootStrategy = _WithoutKafka


class _Agents(FolderlessApp):
    """An app without a web server: the frame has one."""

    BootStrategy = _WithoutWeb


class _Worker(Worker):
    """Faust's worker, which is ended if it has not stopped within `stop_s`."""

    stop_s = 25.0

    async def on_stop(self) -> None:
        """Start the time limit: this is called first when the worker stops."""
        end_within(self.stop_s)
        await super().on_stop()


LEAST: Final = {
    "faust": logging.WARNING,
    "mode": logging.WARNING,
    "aiokafka": logging.WARNING,
    "mode.timers": logging.ERROR,  # a warning each time that one of Faust's timers waits longer than its interval
}
"""The least level of what libraries log, by logger. Under load the timers' warnings, dozens a minute, hid all others; a
loop that waits for long shows on /healthz."""


def quieten() -> None:
    """Log less of libraries."""
    for name, least in LEAST.items():
        logging.getLogger(name).setLevel(least)


def serve(settings: Settings) -> None:
    """Run a worker until SIGTERM or Ctrl-C; never returns.

    Raises:
        SystemExit: with 0 after an orderly stop; an exception that ended the worker is raised as it is. (A stop that
            takes longer than the settings allow ends the process at once, with `EXIT_STUCK`.)
    """
    level = settings.log_level.upper()
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if level != "DEBUG":
        quieten()
    if (warning := keyring(settings, "gate").warning) is not None:
        logging.getLogger(__name__).warning(warning)
    worker = _Worker(build(settings), loglevel=level, quiet=True, redirect_stdouts=False, override_logging=False)
    worker.stop_s = settings.stop_timeout_ms / 1000.0
    worker.spinner = None
    collect_rarely()
    worker.execute_from_commandline()


def collect_rarely() -> None:
    """Run the cycle collector rarely, and never over what was imported.

    Ingest holds thousands of records at once that are in no cycle. By default every 700 of them start a collection,
    which took a fifth of ingest's time. The real cycles (errors, futures) are few.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
