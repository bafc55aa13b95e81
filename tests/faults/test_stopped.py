"""Workers that are stopped and continue later as zombies; idle partitions; wrong clocks."""

import asyncio
import signal

import pytest

from tests.faults.times import SEEDS, now_ms
from tests.faults.trial import ROLLOUTS, WAITING, Trial

pytestmark = [pytest.mark.faults]

LATE = 100_000  # what a stalled worker has not read
LENIENT = {
    "checks": {"errors": {"sli": "error_rate", "limit": "30%", "window": "10s"}},
    "no_data": {"hold_after": "3s", "pause_after": "5m"},
}
"""Changes to the policy by which healthy traffic passes at once, so that nothing but its data holds it."""


@pytest.mark.parametrize(
    ("seed", "step", "times"),
    [
        (1, "ingest: partials due", 30),
        (2, "ingest: partials acknowledged", 30),
        (3, "ingest: before commit", 1),
        (4, "judge: decision published", 1),
        (5, "judge: snapshot due", 24),
        (6, "judge: snapshot sent", 24),
    ],
    ids=str,
)
async def test_a_zombie_that_writes_after_its_partitions_moved(
    kafka_broker: str, seed: int, step: str, times: int
) -> None:
    """Stopped at a step, past the session timeout; another takes over; then the zombie finishes what it began."""
    async with Trial(kafka_broker, seed) as trial:
        zombie = trial.post(fault=f"{step}:{times}:stop")
        await zombie.ready()
        await trial.begin(())
        stopped = await zombie.stopped()
        await trial.recovered("stopped, then a zombie", stopped)
        await asyncio.sleep(trial.rng.uniform(0, 1))
        zombie.signal(signal.SIGCONT)
        await trial.judged_past(now_ms() + 1_000)
        await trial.holds()
        assert trial.exits == []


async def test_a_stopped_ingest_worker_never_lets_a_stage_advance(kafka_broker: str) -> None:
    """The only reader of events is stopped while a stage bakes: no time passes; once it continues, all is counted."""
    async with Trial(kafka_broker, 7, bake="5s", acknowledge=False, **LENIENT) as trial:
        ingest, *_ = await trial.begin(("ingest",), ("judge",), ("sequencer",), SLUICEGATE_IDLE_TIMEOUT_MS="1000")
        await trial.judged_past(now_ms())
        ingest.signal(signal.SIGSTOP)
        since = now_ms()
        await confirm(trial)  # so it begins to bake when nobody reads
        await asyncio.sleep(12)
        assert await actions(trial) <= WAITING
        ingest.signal(signal.SIGCONT)
        await trial.judged_past(since + 12_000)
        await trial.holds(WAITING | {"advance", "promote"})


@pytest.mark.parametrize("seed", SEEDS)
async def test_an_ingest_worker_that_stalls_never_lets_a_stage_advance(kafka_broker: str, seed: int) -> None:
    """One of two keeps its partitions and reports nothing: they are left out, judging goes on, nothing advances.

    What it had not read by then counts as late, to the request.
    """
    async with Trial(kafka_broker, 70 + seed, bake="5s", acknowledge=False, **LENIENT) as trial:
        first, second, *_ = await trial.begin(
            *(("ingest",), ("ingest",), ("judge",), ("sequencer",)),
            SLUICEGATE_SESSION_TIMEOUT_MS="40000",
            SLUICEGATE_STALL_TIMEOUT_MS="2000",
        )
        await trial.judged_past(now_ms())
        stalled = trial.rng.choice([first, second])
        stalled.signal(signal.SIGSTOP)
        since = now_ms()
        await confirm(trial)
        await trial.judged_past(since + 10_000)
        held = {each["rollout"]: each["reason"] for each in await trial.statuses() if each["phase"] == "held"}
        assert all(held[name].startswith("telemetry is ") for name in ROLLOUTS), held
        assert await actions(trial) <= WAITING
        stalled.signal(signal.SIGCONT)
        await trial.recovered("an ingest worker stalls, and goes on", now_ms())
        assert trial.exits == []
        await trial.holds(late=LATE)


async def confirm(trial: Trial) -> None:
    """Acknowledge each rollout's newest decision as applied."""
    for decisions in (await trial.decided()).values():
        await trial.site.acknowledge(decisions[-1])


async def actions(trial: Trial) -> set[str]:
    """What was decided so far."""
    return {each["action"] for decisions in (await trial.decided()).values() for each in decisions}


async def test_a_partition_that_nobody_writes_to(kafka_broker: str) -> None:
    """A source partition falls silent and comes back: it is idle, and holds nothing up."""
    async with Trial(kafka_broker, 9) as trial:
        await trial.begin((), SLUICEGATE_IDLE_TIMEOUT_MS="1000")
        trial.silent_partitions = {1}
        since = now_ms()
        await trial.recovered("a partition falls silent", since)
        await asyncio.sleep(2)
        trial.silent_partitions = set()
        await trial.judged_past(now_ms())
        await trial.holds(late=400)


@pytest.mark.parametrize("skew_ms", [180_000, -180_000])
async def test_a_clock_that_is_minutes_off(kafka_broker: str, skew_ms: int) -> None:
    """One of two workers has a clock that is three minutes off: counts, and event time, are what they were."""
    async with Trial(kafka_broker, 10) as trial:
        await trial.begin(())
        odd = trial.post("ingest", altered=f"skew_ms={skew_ms}")
        await odd.ready()
        await trial.recovered("a clock minutes off joins", now_ms())
        await asyncio.sleep(2)
        await trial.judged_past(now_ms())
        await trial.holds()
