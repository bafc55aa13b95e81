"""How long a decision takes, by hop, from the event that completes the evidence to the command that an actuator reads.

Workers are real, the load comes from another process, and many of the rollouts turn bad, each at its own time.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, fields

import msgspec

from benchmarks.fleet import names
from benchmarks.hops import Hops, Read, progress_of
from benchmarks.installation import Installation
from benchmarks.measure import Row, Size
from connectors.kafka import clients
from streams.clock import wall_ms

PART = "latency"
PERCENTILES = (50, 95, 99)
PATIENCE_S = 20.0
"""How long after the last rollout has turned bad its command may take before it counts as missing."""


Crew = tuple[tuple[str, ...], ...]
"""The roles of each worker; () means all roles."""

ONE: Crew = ((),)
INGEST_APART: Crew = (("ingest",), ("judge", "sequencer", "audit"))


@dataclass(frozen=True)
class Plan:
    """A load of `rate` events a second on `rollouts`, of which `bad` turn bad within `within_s` after `begin_s`."""

    rate: int
    rollouts: int
    bad: int
    begin_s: float
    within_s: float
    crew: Crew = ONE

    @property
    def case(self) -> str:
        """Its name in the table."""
        workers = len(self.crew)
        return f"{self.rate:,} events/s, {workers} worker{'s' * (workers > 1)}"


FULL = (
    Plan(1_000, 100, 40, 8.0, 20.0),
    Plan(10_000, 100, 40, 8.0, 20.0),
    Plan(10_000, 100, 40, 8.0, 20.0, INGEST_APART),
    Plan(50_000, 100, 40, 8.0, 20.0, INGEST_APART),
)
SMOKE = (Plan(200, 4, 2, 4.0, 1.0),)


def run(bootstrap: str, size: Size) -> Iterator[Row]:
    """Measure every plan."""
    for plan in SMOKE if size.name == "smoke" else FULL:
        runs = [asyncio.run(rollbacks(bootstrap, plan)) for _ in range(min(size.runs, 2))]
        yield from rows(plan, runs)


async def rollbacks(bootstrap: str, plan: Plan) -> list[Hops]:
    """Run one plan on an installation of its own."""
    async with Installation(bootstrap) as site:
        crew = [site.run_worker(*roles) for roles in plan.crew]
        await asyncio.gather(*(worker.ready() for worker in crew))
        await site.start_rollouts(plan.rollouts)
        obeying = asyncio.create_task(site.obey())
        options = {"rate": plan.rate, "rollouts": plan.rollouts, "bad": plan.bad, "begin": plan.begin_s}
        end = plan.begin_s + plan.within_s
        try:
            async with site.loaded(end=end, **options) as loading:
                commands = await _commands(site, plan.bad, end + PATIENCE_S)
                sent = await loading.stop()
        finally:
            obeying.cancel()
            await asyncio.gather(obeying, return_exceptions=True)
        for worker in crew:
            worker.kill()
        progress = await progress_of(site)
    return [Hops.of(command, sent, progress) for command in commands]


async def _commands(site: Installation, number: int, seconds: float) -> list[Read]:
    """The first rollback command of each rollout that turned bad, as an actuator reads them."""
    reader = clients.consumer(site.settings, site.topics.commands)
    await reader.start()
    found: dict[str, Read] = {}
    turned = set(names(number))  # the policy allows a false rollback in one of a hundred others
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while len(found) < number:
                    record = await reader.getone()
                    at = wall_ms()
                    document = msgspec.json.decode(record.value)
                    if document["rollout"] in turned:
                        found.setdefault(document["rollout"], Read(document, record.timestamp, at))
    finally:
        await reader.stop()
    return list(found.values())


def rows(plan: Plan, runs: list[list[Hops]]) -> Iterator[Row]:
    """The percentiles of each hop, of their sum, and of the time after the watermark; one value for each run.

    A command that is missing counts as infinite.
    """
    yield Row(PART, "rolled back", plan.case, f"of {plan.bad}", tuple(float(len(run)) for run in runs))
    for what in ("total", "after_watermark", *(field.name for field in fields(Hops))):
        for percentile in PERCENTILES:
            values = tuple(_percentile([getattr(one, what) for one in run], percentile, plan.bad) for run in runs)
            yield Row(PART, f"{what.replace('_', ' ')}, p{percentile}", plan.case, "ms", values)


def _percentile(known: list[int], percentile: int, number: int) -> float:
    """The nearest-rank percentile of `number` values; those that are not known count as infinite."""
    whole = sorted(known) + [math.inf] * (number - len(known))
    return float(whole[math.ceil(percentile / 100 * number) - 1])
