"""The pages /healthz, /readyz and /metrics of a process that is no worker, served by threads.

Threads, so that they answer while the event loop hangs. A worker has its pages from Faust's web server instead.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import REGISTRY, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from connectors.addresses import is_loopback
from streams.runtime.health import Health

WAIT_S = 10.0
"""How long a connection may be silent."""


def serve_health(health: Health, host: str, port: int) -> ThreadingHTTPServer:
    """Serve the pages until `shutdown`; beyond loopback /metrics is not served, because no page here takes a token.

    Raises:
        OSError: nothing can listen there.
    """

    class Pages(BaseHTTPRequestHandler):
        timeout = WAIT_S

        def do_GET(self) -> None:
            """Answer with a page; http.server calls this by its name."""
            match self.path:
                case "/healthz":
                    self._states(*health.alive())
                case "/readyz":
                    self._states(*health.ready())
                case "/metrics" if is_loopback(host):
                    self._page(200, generate_latest(REGISTRY), CONTENT_TYPE_LATEST)
                case _:
                    self._page(404, b"", "text/plain")

        def _states(self, good: bool, states: dict[str, str]) -> None:
            body = json.dumps({"ok": good, "loops": states}).encode()
            self._page(200 if good else 503, body, "application/json")

        def _page(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Probes come every few seconds, and are not logged."""

    server = ThreadingHTTPServer((host, port), Pages)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return server
