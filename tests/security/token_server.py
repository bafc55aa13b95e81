"""A server of OAuth tokens, by client credentials: unsecured ones, such as a Kafka for tests takes."""

import base64
import json
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote_plus

Answer = tuple[int, bytes]


def unsecured(subject: str, life_s: int = 3600) -> str:
    """Give a token for a subject, valid for `life_s` seconds, signed by nobody."""
    now = int(time.time())  # noqa: TID251
    claims = {"sub": subject, "iat": now, "exp": now + life_s}
    return ".".join(_base64(one) for one in ({"alg": "none"}, claims)) + "."


class TokenServer:
    """The server, on loopback: clients and their secrets; `answer` replaces the answers; `asked` are the forms sent."""

    def __init__(self, clients: Mapping[str, str], certificate: tuple[Path, Path] | None = None) -> None:
        self.clients = clients
        self.life_s: Any = 3600
        self.answer: Callable[[], Answer] | None = None
        self.asked: list[Mapping[str, list[str]]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            scheme = "https"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_port}/token"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answered(self, authorization: str, form: Mapping[str, list[str]]) -> Answer:
        """The server's answer to a request."""
        self.asked.append(form)
        if self.answer is not None:
            return self.answer()
        name, _, secret = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        client = unquote_plus(name)
        if self.clients.get(client) != unquote_plus(secret):
            return 401, json.dumps({"error": "invalid_client"}).encode()
        if form.get("grant_type") != ["client_credentials"]:
            return 400, json.dumps({"error": "unsupported_grant_type"}).encode()
        token = {"access_token": unsecured(client), "token_type": "Bearer", "expires_in": self.life_s}
        return 200, json.dumps(token).encode()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", "0"))
                form = parse_qs(self.rfile.read(length).decode())
                status, body = owner.answered(self.headers.get("Authorization", ""), form)
                self.send_response(status)
                if status in (302, 307):
                    self.send_header("Location", owner.url)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing."""

        return Handler


def _base64(document: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()
