"""The clock of the only worker leaps while it runs: silence, orders without an ack, and a bad canary are noticed."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.times import PATIENCE, note, now_ms
from tests.faults.topics import set_topic
from tests.faults.trial import ROLLOUTS, WAITING, Trial

pytestmark = [pytest.mark.faults]

BAD, GOOD = ROLLOUTS
DAY, TEN_MINUTES = 86_400_000, 600_000
QUICK: dict[str, Any] = {
    "no_data": {"hold_after": "3s", "pause_after": "5m"},
    "commands": {"ack_within": "2s", "tries": 3},
}
"""Changes to the policy by which silence and a missing ack show soon."""
STEADY = {"SLUICEGATE_IDLE_TIMEOUT_MS": "1000", "SLUICEGATE_SESSION_TIMEOUT_MS": "10000"}


def failing(event: Any) -> Any:
    """One rollout's candidate fails always."""
    bad = event["rollout"] == BAD and event["cohort"] == "canary"
    return event | {"status": 500} if bad else event


def failing_everywhere(event: Any) -> Any:
    """Each rollout's candidate fails always."""
    return event | {"status": 500} if event["cohort"] == "canary" else event


async def is_rolled_back(trial: Trial, times: int, rollout: str = BAD) -> bool:
    """Whether the rollback of a bad candidate was sent so often on the urgent path."""
    sent = [json.loads(record.value) for record in await trial.site.read(trial.site.topics.commands)]
    return len([each for each in sent if each["rollout"] == rollout]) >= times


async def is_judged_past(trial: Trial, moment_ms: int) -> bool:
    """Whether the good candidate's rollout is judged past this event time, and has requests again."""
    latest = [status for status in await trial.statuses() if status["rollout"] == GOOD][-1]
    return int(latest["event_time"]) > moment_ms and "no requests" not in latest["reason"]


async def is_held_for_silence(trial: Trial) -> bool:
    """Whether the good candidate's rollout waits for requests."""
    reasons = [each["reason"] for each in (await trial.decided()).get(GOOD, []) if each["action"] == "hold"]
    return any("no requests" in reason for reason in reasons)


async def until(what: Callable[[], Awaitable[bool]]) -> None:
    """Wait until this is so."""
    async with asyncio.timeout(PATIENCE):
        while not await what():
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("broker_time", [True, False], ids=["broker time", "none"])
@pytest.mark.parametrize(("leap", "back_after"), [(DAY, 6.0), (-TEN_MINUTES, None)], ids=["a day ahead", "10 min back"])
async def test_a_lone_clock_leaps(
    kafka_broker: str, tmp_path: Path, leap: int, back_after: float | None, broker_time: bool
) -> None:
    """A day ahead for six seconds, or ten minutes back for good, with a bad canary, no actuator, and then silence."""
    skew = tmp_path / "skew"
    skew.write_text("0")
    name = f"the only worker's clock {'a day ahead' if leap > 0 else '10 min back'}{'' if broker_time else ', alone'}"
    async with Trial(kafka_broker, 80, acknowledge=False, **QUICK) as trial:
        if not broker_time:
            await set_topic(trial.site, "journal", **{"message.timestamp.type": "CreateTime"})  # as older ones have it
        (post,) = await trial.begin((), altered=f"skew_file={skew}", **STEADY)
        await trial.judged_past(now_ms() + 3_000)
        skew.write_text(str(leap))
        leapt = now_ms()
        await asyncio.sleep(1)
        await trial.recovered(name, now_ms())
        trial.mangle = failing
        since = now_ms()
        if back_after is not None:
            await asyncio.sleep(back_after - (now_ms() - leapt) / 1000)
            skew.write_text("0")
        await until(lambda: is_rolled_back(trial, 3))
        note(f"{name}: rolled back, and sent three times", (now_ms() - since) / 1000)
        since, trial.is_silent = now_ms(), True
        await until(lambda: is_held_for_silence(trial))
        note(f"{name}: silence noticed", (now_ms() - since) / 1000)
        since, trial.is_silent = now_ms() + 2_000, False
        await until(lambda: is_judged_past(trial, since))
        assert ("'s clock is" if broker_time else "and it is not followed") in post.worker.log()
        assert trial.exits == []
        decisions = await trial.decided()
        assert {each["action"] for each in decisions[GOOD]} <= WAITING
        assert {each["action"] for each in decisions[BAD]} <= WAITING | {"rollback"}


@pytest.mark.parametrize("broker_time", [True, False], ids=["broker time", "none"])
@pytest.mark.parametrize("off", [DAY, -TEN_MINUTES], ids=["a day ahead", "10 min back"])
async def test_a_lone_clock_is_wrong_from_the_start(
    kafka_broker: str, tmp_path: Path, off: int, broker_time: bool
) -> None:
    """Before the rollouts begin: a bad canary is rolled back then, and so is another once the clock is put right."""
    skew = tmp_path / "skew"
    skew.write_text(str(off))
    name = f"the only worker's clock {'a day ahead' if off > 0 else '10 min back'} from its start"
    name += "" if broker_time else ", alone"
    async with Trial(kafka_broker, 81, **QUICK) as trial:
        if not broker_time:
            await set_topic(trial.site, "journal", **{"message.timestamp.type": "CreateTime"})
        trial.mangle = failing
        (post,) = await trial.begin((), altered=f"skew_file={skew}", **STEADY)
        since = now_ms()
        if broker_time or off > 0:  # without, all events are refused for a clock that is behind, and rollouts are held
            await until(lambda: is_rolled_back(trial, 1))
            note(f"{name}: rolled back", (now_ms() - since) / 1000)
        else:
            await until(lambda: is_held_for_silence(trial))
            note(f"{name}: held", (now_ms() - since) / 1000)
        skew.write_text("0")
        since = now_ms()
        trial.mangle = failing_everywhere
        await until(lambda: is_rolled_back(trial, 1, GOOD))
        note(f"{name}: another rolled back after it is put right", (now_ms() - since) / 1000)
        assert ("'s clock is" in post.worker.log()) is broker_time
        assert trial.exits == []
