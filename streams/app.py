"""The worker: a Faust app that carries what its roles need. The one place that wires."""

from __future__ import annotations

import logging
import tempfile

import faust
import orjson
from faust.web import Request, Response, View
from faust.worker import Worker
from mode import Service
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from streams.health import Health
from streams.ingest.service import Ingest
from streams.judge.service import Judge
from streams.sequencer import Clock, add_agents
from streams.settings import Settings


def build(settings: Settings) -> faust.App:
    """The Faust app of a worker with these settings.

    Faust's own consumer serves only the sequencer's topics; its tables, its leader topic and its web views are off.
    """
    app = faust.App(
        settings.group("sequencer"),
        broker=[f"kafka://{server.strip()}" for server in settings.bootstrap.split(",")],
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
        web_bind=settings.web_host,
        web_host=settings.web_host,
        web_port=settings.web_port,
        web_router_enabled=False,
        web_tables_enabled=False,
        web_graph_enabled=False,
        web_stats_enabled=False,
        web_metrics_enabled=False,
    )
    health = Health()
    services: list[Service] = []
    if "ingest" in settings.roles:
        services.append(Ingest(settings, health))
    if "judge" in settings.roles:
        services.append(Judge(settings, health))
    if "sequencer" in settings.roles:
        services.append(Clock(settings, health))
        add_agents(app, settings)
    else:
        app.producer_only = True  # a Faust app without agents has nothing to subscribe to
    for service in services:
        app.service(service)  # type: ignore[arg-type]  # it takes instances as well as classes
    _add_pages(app, health)
    return app


def _add_pages(app: faust.App, health: Health) -> None:
    @app.page("/metrics")
    async def metrics(view: View, request: Request) -> Response:
        return view.bytes(generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST})

    @app.page("/healthz")
    async def healthz(view: View, request: Request) -> Response:
        return _answer(view, *health.alive())

    @app.page("/readyz")
    async def readyz(view: View, request: Request) -> Response:
        return _answer(view, *health.ready())


def _answer(view: View, good: bool, words: dict[str, str]) -> Response:
    body = orjson.dumps({"ok": good, "loops": words})
    return view.bytes(body, status=200 if good else 503, headers={"Content-Type": "application/json"})


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
    worker = Worker(build(settings), loglevel=level, quiet=True, redirect_stdouts=False, override_logging=False)
    worker.spinner = None
    worker.execute_from_commandline()
