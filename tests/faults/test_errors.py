"""What one partition, topic or group refuses stops that one, in sight, and no more; and nothing is promoted meanwhile.

A bad canary runs in each trial.
"""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from connectors.kafka import clients
from streams.judge.truncation import partition_of
from streams.runtime.settings import Settings
from tests.brokers import MavenKafka
from tests.faults import rights
from tests.faults.flipped import Flipped
from tests.faults.post import Post
from tests.faults.times import PATIENCE, note, now_ms
from tests.faults.trial import ROLLOUTS, WAITING, Trial

pytestmark = [pytest.mark.faults]

LATE = 100_000
STOPPED = WAITING | {"rollback"}


@pytest.fixture
def guarded() -> Iterator[MavenKafka]:
    """A broker that can deny."""
    with rights.broker_with_rights() as kafka:
        yield kafka


async def shows(post: Post, path: str, *words: str) -> None:
    """Wait until a page has these words."""
    async with asyncio.timeout(PATIENCE):
        while missing := [word for word in words if word not in (found := await post.worker.page(path))]:
            print(f"{path} lacks {missing}: {found[:400]}")  # noqa: T201 - shown if the test fails
            await asyncio.sleep(0.5)


async def is_well(post: Post) -> None:
    """Wait until its health is."""
    await shows(post, "/healthz", '"ok":true')
    await shows(post, "/readyz", '"ok":true')


async def rolled_back(trial: Trial) -> set[str]:
    """The rollouts that were rolled back; none was advanced."""
    decisions = await trial.decided()
    assert {each["action"] for known in decisions.values() for each in known} <= STOPPED
    return {name for name in ROLLOUTS if any(each["action"] == "rollback" for each in decisions.get(name, []))}


@asynccontextmanager
async def bad_canary(trial: Trial, partition: int) -> AsyncIterator[None]:
    """The candidates of all rollouts fail, as one partition of the source has it."""

    async def load() -> None:
        async with clients.producer(trial.site.settings, linger_ms=0) as producer:
            while True:
                for rollout in ROLLOUTS:
                    event = {"ts": now_ms(), "rollout": rollout, "cohort": "canary", "status": 500, "latency_ms": 9}
                    value = json.dumps(event).encode()
                    for _ in range(20):
                        await producer.send(trial.site.topics.events, value, partition=partition)
                await asyncio.sleep(0.2)

    loading = asyncio.create_task(load())
    try:
        yield
    finally:
        loading.cancel()
        await asyncio.wait({loading})


async def flip(trial: Trial, post: Post, kafka: MavenKafka, topic: str, partition: int) -> Flipped:
    """Flip a bit of what the worker has not read yet."""
    post.signal(signal.SIGSTOP)
    await post.stopped()
    await asyncio.sleep(0.5)
    if topic != trial.site.topics.events:  # else there is enough of it
        await trial.site.producer.send_and_wait(topic, b"{}", partition=partition)
    flipped = Flipped(kafka, topic, partition)
    post.signal(signal.SIGCONT)
    return flipped


async def until_rolled_back(trial: Trial, wanted: set[str], fault: str) -> None:
    """Wait until these rollouts are rolled back, and note how long that took."""
    since = now_ms()
    async with asyncio.timeout(PATIENCE):
        while await rolled_back(trial) < wanted:
            await asyncio.sleep(0.2)
    note(fault, (now_ms() - since) / 1000)


async def test_a_flipped_bit_in_a_source_partition(own_kafka: MavenKafka) -> None:
    """The bad canary is behind it: panes are incomplete, nothing advances. Once it can be read, it is rolled back."""
    async with Trial(own_kafka.bootstrap, 71, bake="20s") as trial:
        (post,) = await trial.begin(())
        await trial.judged_past(now_ms() + 1_000)
        flipped = await flip(trial, post, own_kafka, trial.site.topics.events, 2)
        trial.silent_partitions = {2}
        since = now_ms()
        async with bad_canary(trial, 2):
            await shows(post, "/healthz", f"cannot read {trial.site.topics.events} partition 2: CorruptRecordException")
            await trial.judged_past(since)
            note("a flipped bit in a source partition: judged past it, incomplete", (now_ms() - since) / 1000)
            await asyncio.sleep(25)
            assert await rolled_back(trial) == set()
            flipped.mend()
            await until_rolled_back(trial, set(ROLLOUTS), "a batch that can be read again: rolled back")
        trial.silent_partitions = set()
        await is_well(post)
        assert trial.exits == []
        await trial.holds(STOPPED, late=LATE)


async def test_a_flipped_bit_in_a_journal_partition(own_kafka: MavenKafka) -> None:
    """Its rollouts wait for it; those of the other partition are judged, and theirs is rolled back."""
    async with Trial(own_kafka.bootstrap, 72) as trial:
        (post,) = await trial.begin(())
        await trial.judged_past(now_ms() + 1_000)
        stalled, other = ROLLOUTS
        number = partition_of(stalled, {0, 1})
        assert partition_of(other, {0, 1}) != number
        flipped = await flip(trial, post, own_kafka, trial.site.topics.journal, number)
        async with bad_canary(trial, 0):
            await until_rolled_back(trial, {other}, "a flipped bit in a journal partition: the other is rolled back")
            await shows(post, "/healthz", f"{trial.site.topics.journal} partition {number}: CorruptRecordException")
            assert await rolled_back(trial) == {other}
            flipped.mend()
            await until_rolled_back(trial, set(ROLLOUTS), "a journal that can be read again: rolled back")
        await is_well(post)
        assert trial.exits == []


@pytest.mark.parametrize("roles", [("audit",), ("audit", "sequencer")])
async def test_groups_that_may_not_be_joined(guarded: MavenKafka, roles: tuple[str, ...]) -> None:
    """Their roles do not run, also after a restart; the others do, and the bad canary is rolled back."""
    async with Trial(guarded.bootstrap, 73) as trial:
        (post,) = await trial.begin((), **rights.login(guarded))
        await trial.judged_past(now_ms() + 1_000)
        groups = [Settings(topic_prefix=trial.site.settings.topic_prefix).group(role) for role in roles]  # type: ignore[arg-type]
        for group in groups:
            await rights.deny(trial.site.settings, rights.GROUP, group)
        post.worker.kill()
        await post.died()
        async with bad_canary(trial, 0):
            await until_rolled_back(
                trial, set(ROLLOUTS), f"{', '.join(roles)} may not join: rolled back after a restart"
            )
        for path in ("/healthz", "/readyz"):
            await shows(post, path, *(f'"{role}":"starts again after GroupAuthorizationFailedError' for role in roles))
        await shows(post, "/metrics", *(f'sluicegate_role_failures_total{{role="{role}"}}' for role in roles))
        assert trial.exits == [-signal.SIGKILL]
        since = now_ms()
        for group in groups:
            await rights.allow_again(trial.site.settings, rights.GROUP, group)
        await is_well(post)
        note(f"{', '.join(roles)} may join again: all roles run", (now_ms() - since) / 1000)
        assert trial.exits == [-signal.SIGKILL]


async def test_a_group_and_a_topic_are_denied_while_all_runs(guarded: MavenKafka) -> None:
    """The worker goes on: what audit and sequencer may not read stalls, and the bad canary is rolled back."""
    async with Trial(guarded.bootstrap, 74) as trial:
        (post,) = await trial.begin((), **rights.login(guarded))
        await trial.judged_past(now_ms() + 1_000)
        group = Settings(topic_prefix=trial.site.settings.topic_prefix).group("audit")
        denied = ((rights.GROUP, group), (rights.TOPIC, trial.site.topics.controls))
        for kind, name in denied:
            await rights.deny(trial.site.settings, kind, name)
        await shows(post, "/healthz", f"cannot read {trial.site.topics.controls}")
        async with bad_canary(trial, 0):
            await until_rolled_back(trial, set(ROLLOUTS), "a group and a topic denied: rolled back")
        for kind, name in denied:
            await rights.allow_again(trial.site.settings, kind, name)
        await is_well(post)
        assert trial.exits == []


async def test_groups_that_are_denied_while_all_runs(guarded: MavenKafka) -> None:
    """Health names each role and what it fails with; all go on once they are allowed again."""
    async with Trial(guarded.bootstrap, 76) as trial:
        (post,) = await trial.begin((), **rights.login(guarded))
        await trial.judged_past(now_ms() + 1_000)
        settings = Settings(topic_prefix=trial.site.settings.topic_prefix)
        for role in settings.roles:
            await rights.deny(trial.site.settings, rights.GROUP, settings.group(role))
        since, waiting = now_ms(), set(settings.roles)
        async with asyncio.timeout(PATIENCE):
            while waiting:
                loops = json.loads(await post.worker.page("/healthz"))["loops"]
                for role in [each for each in waiting if "GroupAuthorization" in loops[each]]:
                    waiting.remove(role)
                    note(f"group of {role} denied: named by /healthz", (now_ms() - since) / 1000)
                await asyncio.sleep(0.2)
        for role in settings.roles:
            await rights.allow_again(trial.site.settings, rights.GROUP, settings.group(role))
        since = now_ms()
        await is_well(post)
        note("all groups allowed again: all roles run", (now_ms() - since) / 1000)
        await trial.judged_past(now_ms())
        assert trial.exits == []


async def test_a_source_that_may_not_be_read(guarded: MavenKafka) -> None:
    """Nothing is counted and nothing advances; when it may be read again, the bad canary is rolled back."""
    async with Trial(guarded.bootstrap, 75, bake="20s") as trial:
        (post,) = await trial.begin((), **rights.login(guarded))
        await trial.judged_past(now_ms() + 1_000)
        await rights.deny(trial.site.settings, rights.TOPIC, trial.site.topics.events)
        async with bad_canary(trial, 0):
            await shows(post, "/healthz", f"cannot read {trial.site.topics.events}: TopicAuthorization")
            await asyncio.sleep(25)
            await shows(post, "/healthz", f"cannot read {trial.site.topics.events}: TopicAuthorization")
            await shows(post, "/metrics", f'topic="{trial.site.topics.events}"')
            assert await rolled_back(trial) == set()
            await rights.allow_again(trial.site.settings, rights.TOPIC, trial.site.topics.events)
            await until_rolled_back(trial, set(ROLLOUTS), "a source that may be read again: rolled back")
        await is_well(post)
        assert trial.exits == []
