"""Workers that die of SIGKILL: at each named step, and at any moment."""

import asyncio
import signal

import pytest

from streams.runtime.failpoints import INGEST_STEPS, JUDGE_STEPS, SEQUENCER_STEPS
from tests.faults.times import SEEDS, now_ms
from tests.faults.trial import Trial

pytestmark = [pytest.mark.faults]

SPLIT = (("ingest",), ("judge",), ("sequencer",))
COUNTS = {"ingest: before commit": 1, "ingest: committed": 1, "sequencer: verified": 2, "sequencer: journaled": 2}


@pytest.mark.parametrize(("seed", "step"), list(enumerate((*INGEST_STEPS, *JUDGE_STEPS, *SEQUENCER_STEPS))), ids=str)
async def test_a_worker_killed_at_a_step(kafka_broker: str, seed: int, step: str) -> None:
    """At whatever step a worker with all roles is killed, the next one continues as if nothing had happened."""
    async with Trial(kafka_broker, seed) as trial:
        times = trial.rng.randint(1, 3) if step in COUNTS or "decision" in step or "recovered" in step else 6
        times = COUNTS.get(step, times if "decision" not in step and "recovered" not in step else min(times, 2))
        (post,) = await trial.begin((), fault=f"{step}:{times}")
        died = await post.died()
        assert trial.exits == [-signal.SIGKILL]
        await trial.recovered("killed at a step", died)
        await trial.holds()


@pytest.mark.parametrize("seed", SEEDS)
async def test_whole_workers_killed_at_any_moment(kafka_broker: str, seed: int) -> None:
    """Two workers with all roles: one or the other is killed, four times."""
    async with Trial(kafka_broker, 120 + seed) as trial:
        posts = await trial.begin((), ())
        for _ in range(4):
            await asyncio.sleep(trial.rng.uniform(0.2, 2.0))
            post, since = trial.rng.choice(posts), now_ms()
            post.signal(signal.SIGKILL)
            await post.died()
            await trial.recovered("killed at any moment", since)
        await trial.holds()


@pytest.mark.parametrize("seed", SEEDS)
async def test_roles_killed_at_any_moment(kafka_broker: str, seed: int) -> None:
    """Each role in a process of its own, killed one after the other, twice."""
    async with Trial(kafka_broker, 100 + seed) as trial:
        posts = await trial.begin(*SPLIT)
        for post in trial.rng.sample(posts * 2, 6):
            await asyncio.sleep(trial.rng.uniform(0.2, 2.0))
            since = now_ms()
            post.signal(signal.SIGKILL)
            await post.died()
            await trial.recovered("killed at any moment", since)
        await trial.holds()
