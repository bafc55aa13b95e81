"""Workers that are stopped and go on later as zombies; partitions that stand still; clocks that are off."""

import asyncio
import signal

import pytest

from tests.faults.times import now_ms
from tests.faults.trial import Trial

pytestmark = [pytest.mark.faults]


@pytest.mark.parametrize(
    ("seed", "step", "times"),
    [
        (1, "ingest: partials due", 30),
        (2, "ingest: partials acknowledged", 30),
        (3, "ingest: before commit", 1),
        (4, "judge: decision published", 1),
        (5, "judge: snapshot due", 8),
        (6, "judge: snapshot sent", 8),
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
    """The only reader of the events is stopped while a stage bakes: time stands still; after it went on, all counts."""
    async with Trial(kafka_broker, 7, bake="10s") as trial:
        ingest, *_ = await trial.begin(("ingest",), ("judge",), ("sequencer",), SLUICEGATE_IDLE_TIMEOUT_MS="1000")
        await trial.judged_past(now_ms())
        ingest.signal(signal.SIGSTOP)
        since = now_ms()
        await asyncio.sleep(12)
        decided = await trial.decided()
        assert {each["action"] for decisions in decided.values() for each in decisions} <= {"start", "hold", "resume"}
        ingest.signal(signal.SIGCONT)
        await trial.judged_past(since + 12_000)
        await trial.holds(frozenset({"start", "hold", "resume", "advance", "promote"}))


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
        odd = trial.post("ingest", altered=(f"skew_ms={skew_ms}",))
        await odd.ready()
        await trial.recovered("a clock minutes off joins", now_ms())
        await asyncio.sleep(2)
        await trial.judged_past(now_ms())
        await trial.holds()
