"""The guard of a worker's pages: what is open, what needs a token, what does not exist."""

from __future__ import annotations

import errno
import socket
from hashlib import sha256

import faust
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from streams.runtime.settings import Settings
from streams.worker.web import OPEN, PATHS, AddressError, PagesServer, faust_options, guard

TOKENS = ("t" * 43, "u" * 43)
DIGESTS = tuple(sha256(token.encode()).digest() for token in TOKENS)


async def status(digests: tuple[bytes, ...], path: str, authorization: str | None = None) -> int:
    """Return the status of a request to a server with this guard, all of whose pages answer 200."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response()

    app = web.Application(middlewares=[guard(digests)])
    app.router.add_get("/{path:.*}", answer)
    headers = {} if authorization is None else {"Authorization": authorization}
    async with TestClient(TestServer(app)) as client, client.get(path, headers=headers) as response:
        return response.status


@pytest.mark.parametrize("path", sorted(PATHS))
async def test_without_tokens_our_pages_are_open(path: str) -> None:
    """All others are missing."""
    assert await status((), path) == 200
    assert await status((), f"{path}/x") == 404


@pytest.mark.parametrize("token", TOKENS)
async def test_each_token_is_accepted(token: str) -> None:
    """Also in another case of the scheme's name."""
    assert await status(DIGESTS, "/metrics", f"Bearer {token}") == 200
    assert await status(DIGESTS, "/metrics", f"bearer {token}") == 200


@pytest.mark.parametrize("wrong", [None, "", "Bearer", "Bearer x", f"Basic {TOKENS[0]}", TOKENS[0]])
async def test_without_a_token_nobody_learns_what_exists(wrong: str | None) -> None:
    """Pages and missing pages give the same answer; only health is open."""
    assert [await status(DIGESTS, path, wrong) for path in ("/metrics", "/nothing")] == [401, 401]
    assert [await status(DIGESTS, path, wrong) for path in sorted(OPEN)] == [200, 200]


def test_fausts_own_pages_are_off() -> None:
    """It would show tables and settings to everybody."""
    options = faust_options(Settings())
    assert not any(value for name, value in options.items() if name.endswith("_enabled"))
    assert options["web_host"] == options["web_bind"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(errno.EADDRINUSE, "x"), "port 7 of 127.0.0.1 is in use, perhaps by another worker: give each worker"),
        (OSError(errno.EACCES, "x"), "/metrics and /healthz cannot listen on 127.0.0.1:7: Permission denied: set"),
        (socket.gaierror(-2, "Name or service not known"), "on 127.0.0.1:7: Name or service not known: set SLUICEGATE"),
    ],
)
async def test_an_address_that_cannot_be_had(error: OSError, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends the worker with a sentence; Faust logs exceptions with tracebacks, so it is none."""

    async def refuse(_: object) -> None:
        raise error

    app = faust.App("x", **faust_options(Settings(web_port=7)))
    pages = PagesServer(app)
    monkeypatch.setattr("faust.web.drivers.aiohttp.Web.start_server", refuse)
    with pytest.raises(AddressError) as caught:
        await pages.start_server()
    assert text in str(caught.value)
    assert not isinstance(caught.value, Exception)
