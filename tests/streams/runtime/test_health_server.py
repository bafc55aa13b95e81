"""The pages of a process that is no worker."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from streams.runtime.health import Health
from streams.runtime.health_server import serve_health


@contextmanager
def pages(health: Health, host: str = "127.0.0.1") -> Iterator[str]:
    """The address of the pages."""
    server = serve_health(health, host, 0)
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def answer(url: str) -> tuple[int, bytes]:
    """Status and body."""
    try:
        with urllib.request.urlopen(f"http://{url}", timeout=10) as found:
            return found.status, found.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def loops(url: str) -> tuple[int, Any]:
    """Status and states."""
    status, body = answer(url)
    return status, json.loads(body)["loops"]


def test_health_and_readiness() -> None:
    """As a worker's pages."""
    health = Health(longest_pause=10.0)
    pulse = health.pulse("actuator")
    with pages(health) as site:
        assert loops(f"{site}/healthz") == (200, {"actuator": "ok"})
        assert loops(f"{site}/readyz")[0] == 503
        pulse.ready = True
        pulse.last -= 11
        assert loops(f"{site}/readyz") == (200, {"actuator": "ok"})
        assert loops(f"{site}/healthz")[0] == 503


@pytest.mark.parametrize(("host", "status"), [("127.0.0.1", 200), ("0.0.0.0", 404)])  # noqa: S104 - the case
def test_metrics_are_for_this_machine(host: str, status: int) -> None:
    """They need a token elsewhere, and these pages take none. Other paths do not exist."""
    with pages(Health(), host) as site:
        found, body = answer(f"{site}/metrics")
        assert (found, b"sluicegate" in body or b"python" in body) == (status, status == 200)
        assert answer(f"{site}/elsewhere")[0] == 404
