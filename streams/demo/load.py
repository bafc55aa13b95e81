"""The load generator: `python -m streams.demo.load --url http://127.0.0.1:8000/checkout --rps 300`.

An open loop: requests are a Poisson process, whether or not earlier ones were answered. A closed loop would send less
whenever the canary is slow, and so hide the fault.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
from random import Random
from typing import Final

import aiohttp

from streams.demo.seeds import seeded_random

MOST_IN_FLIGHT: Final = 500
"""No further request is sent while this many are open: the router is overloaded, and more would not help."""

TIMEOUT_S: Final = 10.0
LONGEST_LAG_S: Final = 0.5
"""After a stall of this process, the requests of at most this long are sent late; the others are skipped."""


async def generate(url: str, rps: float, random: Random) -> None:
    """Send requests until SIGTERM."""
    loop = asyncio.get_running_loop()
    this = asyncio.current_task()
    assert this is not None  # noqa: S101 - inside a coroutine there is one
    loop.add_signal_handler(signal.SIGTERM, this.cancel)
    in_flight: set[asyncio.Task[None]] = set()
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    due = loop.time()
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        while True:
            due = max(due, loop.time() - LONGEST_LAG_S) + random.expovariate(rps)
            await asyncio.sleep(max(0.0, due - loop.time()))
            if len(in_flight) < MOST_IN_FLIGHT:
                request = asyncio.create_task(_request(session, url))
                in_flight.add(request)
                request.add_done_callback(in_flight.discard)


async def _request(session: aiohttp.ClientSession, url: str) -> None:
    with contextlib.suppress(aiohttp.ClientError, TimeoutError):
        async with session.get(url) as answer:
            await answer.read()


def main() -> None:
    """Send requests until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--rps", type=float, required=True)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(generate(given.url, given.rps, seeded_random(given.seed, "load")))


if __name__ == "__main__":
    main()
