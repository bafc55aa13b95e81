"""What costs more than it should, on the source of a running installation: how soon it is judged past it."""

import json
from collections.abc import Awaitable, Callable

import pytest

from tests.bombs import a_bomb, send_batch
from tests.faults.times import now_ms
from tests.faults.topics import set_topic
from tests.faults.trial import WAITING, Trial
from tests.pipeline.harness import Site
from tests.pipeline.test_bombs import MOST_MEMORY
from tests.pipeline.test_hostile_records import TIMES, send_hostile_times
from tests.pipeline.test_large_chunks import backfill, send_large

pytestmark = [pytest.mark.faults]


async def send_junk(site: Site) -> None:
    """Send records with times that no clock has to each topic that a role reads."""
    names = site.topics
    for topic in (names.events, names.policies, names.controls, names.acks, names.journal):
        for at in TIMES:
            await site.producer.send_and_wait(topic, b"junk", key=b"k", partition=0, timestamp_ms=at)


async def send_bombs(site: Site) -> None:
    """Send a gigabyte in some KB to each partition of the source."""
    for partition in range(3):
        await send_batch(site.producer, site.topics.events, a_bomb(1_024, timestamp=now_ms()), partition=partition)


async def send_backfill(site: Site) -> None:
    """Send 19 MB of the hour before, whose counts in one chunk would be larger than a message."""
    at = now_ms()
    events = [backfill(number, at) for number in range(4_600)]
    assert len(json.dumps(events, ensure_ascii=False).encode()) > 19e6
    await send_large(site, events, 20, at)


@pytest.mark.parametrize(
    ("name", "send"),
    [
        ("records with a time of -2^60 on each topic that is read", send_junk),
        ("events of the year 5138, and records without a time", send_hostile_times),
        ("batches of 33 KB that hold 1 GiB", send_bombs),
        ("19 MB of an hour before", send_backfill),
    ],
    ids=["junk", "times", "bombs", "backfill"],
)
async def test_judging_goes_on(kafka_broker: str, name: str, send: Callable[[Site], Awaitable[None]]) -> None:
    """The only worker, with little memory, gets past it; no process ends, and nothing is decided by it."""
    async with Trial(kafka_broker, 90) as trial:
        for topic in ("events", "journal"):  # as an installation of before has them
            await set_topic(trial.site, topic, **{"message.timestamp.type": "CreateTime"})
        await trial.begin((), altered=f"memory={MOST_MEMORY}")
        await trial.judged_past(now_ms() + 2_000)
        await send(trial.site)
        await trial.recovered(name, now_ms())
        await trial.judged_past(now_ms() + 2_000)
        assert trial.exits == []
        decisions = await trial.decided()
        assert {each["action"] for known in decisions.values() for each in known} <= WAITING
