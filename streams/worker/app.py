"""The worker: a Faust app that carries what its roles need. The one place that wires."""

from __future__ import annotations

import gc
import logging
import tempfile

import faust
from faust.worker import Worker
from mode import Service

from connectors.kafka.faust_credentials import broker_credentials
from connectors.signing.keys import keyring
from streams.audit.service import Audit
from streams.ingest.service import Ingest
from streams.judge.service import Judge
from streams.runtime.health import Health
from streams.runtime.settings import Settings
from streams.runtime.watchdog import Watchdog, end_within
from streams.sequencer import Clock, add_agents
from streams.worker.web import add_pages, faust_options

MOST_WAITING = 64
"""Messages of operators or actuators that are read and wait for their agent; the rest waits in Kafka."""


def build(settings: Settings) -> faust.App:
    """The Faust app of a worker with these settings.

    Faust's own consumer serves only the sequencer's topics; its tables, its leader topic and its web views are off.
    """
    app = faust.App(
        settings.group("sequencer"),
        broker=[f"kafka://{server.strip()}" for server in settings.bootstrap.split(",")],
        broker_credentials=broker_credentials(settings),
        store="memory://",
        datadir=tempfile.gettempdir(),
        autodiscover=False,
        debug=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        key_serializer="raw",
        value_serializer="raw",
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=settings.session_timeout_ms / 1000.0,
        broker_heartbeat_interval=settings.session_timeout_ms / 10_000.0,
        broker_commit_interval=0.5,
        producer_acks=-1,
        producer_request_timeout=30.0,
        stream_buffer_maxsize=MOST_WAITING,
        stream_wait_empty=False,
        worker_redirect_stdouts=False,
        **faust_options(settings),
    )
    health = Health(longest_pause=settings.watchdog_ms / 3000.0)
    services: list[Service] = []
    if "ingest" in settings.roles:
        services.append(Ingest(settings, health))
    if "judge" in settings.roles:
        services.append(Judge(settings, health))
    if "audit" in settings.roles:
        services.append(Audit(settings, health))
    if "sequencer" in settings.roles:
        services.append(Clock(settings, health, app))
        add_agents(app, settings)
    else:
        app.producer_only = True  # a Faust app without agents has nothing to subscribe to
    services.append(Watchdog(health, settings.watchdog_ms / 1000.0))
    for service in services:
        app.service(service)  # type: ignore[arg-type]  # it takes instances as well as classes
    add_pages(app, health)
    return app


class _Worker(Worker):
    """Faust's, which stops in `stop_s` or is ended."""

    stop_s = 25.0

    async def on_stop(self) -> None:
        """The first thing that happens in a stop."""
        end_within(self.stop_s)
        await super().on_stop()


def serve(settings: Settings) -> None:
    """Run a worker until SIGTERM or Ctrl-C; never returns.

    Raises:
        SystemExit: with 0 after an orderly stop; what crashed the worker is raised as it is. (A stop that takes longer
            than the settings allow ends the process at once, with `EXIT_STUCK`.)
    """
    level = settings.log_level.upper()
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if level != "DEBUG":
        for chatty in ("faust", "mode", "aiokafka"):
            logging.getLogger(chatty).setLevel(logging.WARNING)
    if (warning := keyring(settings, "gate").warning) is not None:
        logging.getLogger(__name__).warning(warning)
    worker = _Worker(build(settings), loglevel=level, quiet=True, redirect_stdouts=False, override_logging=False)
    worker.stop_s = settings.stop_timeout_ms / 1000.0
    worker.spinner = None
    collect_seldom()
    worker.execute_from_commandline()


def collect_seldom() -> None:
    """Have the cycle collector look seldom, and never at what was imported.

    Ingest takes thousands of records at once that are in no cycle, and each 700 of them would make it look again: that
    was a fifth of ingest's time. What cycles there are (errors, futures) come in dozens.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
