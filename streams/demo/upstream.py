"""One version of the service behind the router: `python -m streams.demo.upstream --cohort canary --port 8001`.

It answers GET /checkout after a lognormal time, and 1% of requests with 500. POST /-/fault makes it worse.
"""

from __future__ import annotations

import argparse
import asyncio
import math
from dataclasses import dataclass
from typing import Final

import orjson
from aiohttp import web

from streams.demo.seeds import seeded_random

FAULT_HEADER: Final = "X-Demo-Fault"
"""In each answer that the scenario's fault affected, so that the router can time the first one."""

MEDIAN_MS: Final = 30.0
SPREAD: Final = 0.45  # sigma of the lognormal latency: p95 is about twice the median
LONGEST_MS: Final = 2_000.0
BASE_ERROR_RATE: Final = 0.01


@dataclass(slots=True)
class Degradation:
    """How bad the service is: the additional share of requests that fail, and how many times as slow it is."""

    error_rate: float = 0.0
    slowdown: float = 1.0


class Upstream:
    """The service; the same seed gives the same sequence of latencies and errors."""

    def __init__(self, cohort: str, seed: int) -> None:
        self.degradation = Degradation()
        self._cohort = cohort
        self._random = seeded_random(seed, cohort)

    def next_answer(self) -> tuple[float, int, bool]:
        """The next answer: latency (ms), HTTP status, and whether the fault affected it."""
        degradation = self.degradation
        usual_ms = self._random.lognormvariate(math.log(MEDIAN_MS), SPREAD)
        broken = self._random.random() < BASE_ERROR_RATE
        faulty = self._random.random() < degradation.error_rate
        latency_ms = min(usual_ms * degradation.slowdown, LONGEST_MS)
        return latency_ms, 500 if broken or faulty else 200, faulty or degradation.slowdown > 1.0

    async def checkout(self, _request: web.Request) -> web.Response:
        """GET /checkout."""
        latency_ms, status, affected = self.next_answer()
        await asyncio.sleep(latency_ms / 1000.0)
        body = {"served_by": self._cohort, "ok": status == 200}
        headers = {FAULT_HEADER: "1"} if affected else None
        return web.Response(status=status, body=orjson.dumps(body), headers=headers, content_type="application/json")

    async def fault(self, request: web.Request) -> web.Response:
        """POST /-/fault: `{"error_rate": 0.3, "slowdown": 1.0}` applies from now on."""
        self.degradation = Degradation(**await request.json())
        return web.Response(status=204)


def app(upstream: Upstream) -> web.Application:
    """The web application of the service."""
    made = web.Application()
    made.add_routes([web.get("/checkout", upstream.checkout), web.post("/-/fault", upstream.fault)])
    made.add_routes([web.get("/-/ready", _ready)])
    return made


async def _ready(_request: web.Request) -> web.Response:
    return web.Response(text="ready")


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cohort", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    upstream = Upstream(given.cohort, given.seed)
    web.run_app(app(upstream), host="127.0.0.1", port=given.port, access_log=None, print=None, shutdown_timeout=1.0)


if __name__ == "__main__":
    main()
