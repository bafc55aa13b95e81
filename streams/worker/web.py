"""A worker's pages: /metrics, /healthz, /readyz, and none of Faust's own."""

from __future__ import annotations

import errno
import hmac
from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from typing import Any, Final

import faust
import orjson
from aiohttp import web
from faust.web import Request, Response, View
from faust.web.drivers.aiohttp import Web
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from connectors.addresses import listening_fault
from streams.runtime.health import Health
from streams.runtime.settings import Settings

OPEN: Final = frozenset({"/healthz", "/readyz"})
"""The pages that need no token: probes have none, and health has no secrets."""

PATHS: Final = OPEN | {"/metrics"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def faust_options(settings: Settings) -> Mapping[str, Any]:
    """Faust's settings for its web server: the address, its own pages off, and the guard before every other handler.

    Raises:
        OSError: the file with the token cannot be read.
    """
    return {
        "web_bind": settings.web_host,
        "web_host": settings.web_host,
        "web_port": settings.web_port,
        "web_router_enabled": False,
        "web_tables_enabled": False,
        "web_graph_enabled": False,
        "web_stats_enabled": False,
        "web_metrics_enabled": False,
        "web_application_options": {"middlewares": [guard(settings.web_token_digests)]},
    }


def guard(digests: tuple[bytes, ...]) -> Any:
    """A middleware: 401 without one of these tokens, except for health; 404 for every path that is not ours.

    The token is checked first, so that a request without one does not show which paths exist.
    """

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path not in OPEN and digests and not _has_token(digests, request.headers.get("Authorization", "")):
            return web.Response(status=401, headers={"WWW-Authenticate": 'Bearer realm="sluicegate"'})
        if request.path not in PATHS:
            return web.Response(status=404)
        return await handler(request)

    return guarded


def _has_token(digests: tuple[bytes, ...], header: str) -> bool:
    """Whether the header has an accepted token.

    All digests are compared, each in constant time, so the duration does not show which one is close.
    """
    scheme, _, token = header.partition(" ")
    digest = sha256(token.strip().encode(errors="surrogateescape")).digest()
    accepted = [hmac.compare_digest(digest, one) for one in digests]
    return any(accepted) and scheme.lower() == "bearer"


class AddressError(SystemExit):
    """The pages cannot listen at their address. No `Exception`, because Faust logs each with its traceback."""


class PagesServer(Web):
    """Faust's web server, which reports an address that it cannot have in one sentence."""

    async def start_server(self) -> None:
        """Listen.

        Raises:
            AddressError: it cannot listen there.
        """
        try:
            await super().start_server()
        except OSError as error:
            raise AddressError(_address_fault(self.app.conf.web_host, self.app.conf.web_port, error)) from None


def _address_fault(host: str, port: int, error: OSError) -> str:
    """What is wrong with the address, and what to do."""
    in_use = "--web-port or SLUICEGATE_WEB_PORT; 0 takes any free one"
    port_settings = in_use if error.errno == errno.EADDRINUSE else "SLUICEGATE_WEB_PORT"
    return listening_fault(host, port, error, "worker", "SLUICEGATE_WEB_HOST", port_settings)


def add_pages(app: faust.App, health: Health) -> None:
    """Add the pages to the app."""
    app.web = PagesServer(app)

    @app.page("/metrics")
    async def metrics(view: View, request: Request) -> Response:
        return view.bytes(generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST})

    @app.page("/healthz")
    async def healthz(view: View, request: Request) -> Response:
        return _answer(view, *health.alive())

    @app.page("/readyz")
    async def readyz(view: View, request: Request) -> Response:
        return _answer(view, *health.ready())


def _answer(view: View, good: bool, states: dict[str, str]) -> Response:
    body = orjson.dumps({"ok": good, "loops": states})
    return view.bytes(body, status=200 if good else 503, headers={"Content-Type": "application/json"})
