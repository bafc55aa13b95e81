"""One version of the service behind the router: `python -m streams.demo.upstream --cohort canary --port 8001`.

It answers GET /checkout after a believable time, and sometimes with 500. POST /-/fault makes it worse.
"""

from __future__ import annotations

import argparse
import asyncio
import math
from dataclasses import dataclass
from typing import Final

import orjson
from aiohttp import web

from streams.demo.chance import seeded

FAULT_HEADER: Final = "X-Demo-Fault"
"""On each answer that the scenario's fault touched, so that the first one can be timed."""

MEDIAN_MS: Final = 30.0
SPREAD: Final = 0.45  # sigma of the lognormal latency: p95 is about twice the median
LONGEST_MS: Final = 2_000.0
BASE_ERROR_RATE: Final = 0.01


@dataclass(slots=True)
class Condition:
    """How bad it is: the share of requests that fail on top of the usual, and how many times as slow it is."""

    error_rate: float = 0.0
    slowdown: float = 1.0


class Upstream:
    """The service; the same seed gives the same sequence of latencies and errors."""

    def __init__(self, cohort: str, seed: int) -> None:
        self.condition = Condition()
        self._cohort = cohort
        self._chance = seeded(seed, cohort)

    def fate(self) -> tuple[float, int, bool]:
        """What becomes of the next request: latency (ms), HTTP status, and whether the fault had a hand in it."""
        condition = self.condition
        usual_ms = self._chance.lognormvariate(math.log(MEDIAN_MS), SPREAD)
        broken = self._chance.random() < BASE_ERROR_RATE
        faulty = self._chance.random() < condition.error_rate
        latency_ms = min(usual_ms * condition.slowdown, LONGEST_MS)
        return latency_ms, 500 if broken or faulty else 200, faulty or condition.slowdown > 1.0

    async def checkout(self, _request: web.Request) -> web.Response:
        """GET /checkout."""
        latency_ms, status, touched = self.fate()
        await asyncio.sleep(latency_ms / 1000.0)
        body = {"served_by": self._cohort, "ok": status == 200}
        headers = {FAULT_HEADER: "1"} if touched else None
        return web.Response(status=status, body=orjson.dumps(body), headers=headers, content_type="application/json")

    async def fault(self, request: web.Request) -> web.Response:
        """POST /-/fault: `{"error_rate": 0.3, "slowdown": 1.0}` is how it is from now on."""
        self.condition = Condition(**await request.json())
        return web.Response(status=204)


def app(upstream: Upstream) -> web.Application:
    """The web application around it."""
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
