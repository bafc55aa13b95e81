"""Another build judges otherwise, and folds the journal from its beginning: what was decided stays decided."""

import asyncio
from typing import Any

import pytest

from streams.judge.truncation import partition_of
from tests.faults.test_sources import REFUSED, break_canary, rolled_back
from tests.faults.times import PATIENCE, note, now_ms
from tests.faults.topics import delete_topic, make_topics
from tests.faults.trial import ROLLOUTS, Trial, policy
from tests.pipeline.harness import PARTITIONS

pytestmark = [pytest.mark.faults]

BAD, OTHER = ROLLOUTS
SOON_MS = 12_000
"""By then a build that sees no errors has advanced the bad canary."""


async def status_of(trial: Trial, rollout: str) -> dict[str, Any]:
    """The newest status of a rollout."""
    return {status["rollout"]: status for status in await trial.statuses()}[rollout]


async def until_rolled_back(trial: Trial, *wanted: bool) -> None:
    """Wait until these of the rollouts are rolled back."""
    async with asyncio.timeout(PATIENCE):
        while await rolled_back(trial) != [*wanted]:
            await asyncio.sleep(0.2)


async def test_an_upgrade_that_would_undo_a_rollback_and_back(kafka_broker: str) -> None:
    """The next build has no snapshots and sees no errors of one rollout: it sets that aside, and judges the other.

    A canary that becomes bad under it is rolled back. With the build before both go on as they were decided.
    """
    async with Trial(kafka_broker, 125, bake="24h") as trial:
        trial.policies[BAD] = policy(BAD, bake="6s")
        (before,) = await trial.begin(())
        trial.mangle = lambda event: break_canary(event) if event["rollout"] == BAD else event
        await until_rolled_back(trial, True, False)
        await trial.judged_past(now_ms() + SOON_MS, rollouts=(OTHER,))
        decided = (await trial.decided())[BAD]
        assert await before.leave() == 0
        await delete_topic(trial.site, trial.site.topics.snapshots)
        await make_topics(trial.site)

        since, upgraded = now_ms(), trial.post(altered=f"lenient={BAD}")
        await trial.recovered("an upgrade that judges otherwise: the other rollout", since, (OTHER,))
        async with asyncio.timeout(PATIENCE):
            while f"{BAD} is set aside" not in upgraded.worker.log():
                await asyncio.sleep(0.2)
        number = partition_of(BAD, {*range(PARTITIONS["journal"])})
        await upgraded.worker.shows(f'sluicegate_set_aside_rollouts{{partition="{number}"}}', at_least=1)
        since, trial.mangle = now_ms(), break_canary
        await until_rolled_back(trial, True, True)
        note("an upgrade that judges otherwise, with a bad canary: rolled back", (now_ms() - since) / 1000)
        assert (await trial.decided())[BAD] == decided
        assert await upgraded.leave() == 0

        again = trial.post()
        await again.ready()
        async with asyncio.timeout(PATIENCE):
            while again.worker.log().count("judging from offset") < 2:
                await asyncio.sleep(0.2)
        assert "is set aside" not in again.worker.log()
        assert [(await status_of(trial, name))["phase"] for name in ROLLOUTS] == ["rolled_back", "rolled_back"]
        assert (await trial.decided())[BAD] == decided
        await trial.holds(REFUSED)
