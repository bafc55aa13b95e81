"""The worker: a Faust app that carries what its roles need. The one place that wires."""

from __future__ import annotations

import logging
import tempfile

import faust
from faust.worker import Worker
from mode import Service

from connectors.keys import keyring
from streams.audit.service import Audit
from streams.credentials import broker_credentials
from streams.health import Health
from streams.ingest.service import Ingest
from streams.judge.service import Judge
from streams.sequencer import Clock, add_agents
from streams.settings import Settings
from streams.watchdog import Watchdog
from streams.web import add_pages, faust_options


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


def serve(settings: Settings) -> None:
    """Run a worker until SIGTERM or Ctrl-C; never returns.

    Raises:
        SystemExit: with 0 after an orderly stop; what crashed the worker is raised as it is.
    """
    level = settings.log_level.upper()
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if level != "DEBUG":
        for chatty in ("faust", "mode", "aiokafka"):
            logging.getLogger(chatty).setLevel(logging.WARNING)
    if (warning := keyring(settings, "gate").warning) is not None:
        logging.getLogger(__name__).warning(warning)
    worker = Worker(build(settings), loglevel=level, quiet=True, redirect_stdouts=False, override_logging=False)
    worker.spinner = None
    worker.execute_from_commandline()
