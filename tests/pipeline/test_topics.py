"""Making the topics, on every kind of broker."""

import asyncio
import json
import os
import subprocess
import uuid

import pytest
from aiokafka.admin import NewTopic

from connectors.kafka.clients import admin
from connectors.kafka.topic_reader import partitions_of
from streams.runtime.settings import Settings
from streams.topics.creation import TopicsUnfitError, ensure, prepare
from streams.topics.inspection import TopicState, inspect
from streams.topics.specs import TOPICS
from tests.pipeline.harness import SLUICEGATE


@pytest.fixture
def settings(broker: str) -> Settings:
    """Settings with a prefix of the test's own."""
    return Settings(bootstrap=broker, topic_prefix=f"t{uuid.uuid4().hex[:8]}.")


async def create(settings: Settings, topic: str, partitions: int, **config: str) -> None:
    """Create a topic as somebody else did, some time ago: it is in every answer of the broker."""
    client = admin(settings)
    await client.start()
    try:
        spelled = {name.replace("_", "."): value for name, value in config.items()}
        await client.create_topics([NewTopic(topic, partitions, 1, topic_configs=spelled)])
        while topic not in await client.list_topics():
            await asyncio.sleep(0.05)
    finally:
        await client.close()


async def test_missing_topics_are_created_once(settings: Settings) -> None:
    """The first run creates all, as the table has them; the second finds nothing to do and nothing to report."""
    assert {outcome.state for outcome in await inspect(settings)} == {TopicState.MISSING}
    made = await ensure(settings)
    assert [(one.state, one.partitions) for one in made] == [(TopicState.CREATED, spec.partitions) for spec in TOPICS]
    again = await ensure(settings)
    assert [(one.state, one.details) for one in again] == [(TopicState.EXISTS, ())] * len(TOPICS)


async def test_looking_creates_nothing(settings: Settings) -> None:
    """Inspecting leaves a broker as it was, even one that creates topics that are asked for."""
    await inspect(settings)
    assert {outcome.state for outcome in await inspect(settings)} == {TopicState.MISSING}


async def test_other_partitions(settings: Settings) -> None:
    """Numbers of partitions can be chosen, and snapshots follow the journal."""
    await ensure(settings, partitions={"events": 3, "journal": 2})
    names = settings.topics
    found = [one.topic for one in await partitions_of(settings, names.events, names.journal, names.snapshots)]
    assert [found.count(name) for name in (names.events, names.journal, names.snapshots)] == [3, 2, 2]


async def test_differences_are_reported_and_left_alone(settings: Settings) -> None:
    """A topic that exists otherwise is reported with each difference and not changed."""
    await create(settings, settings.topics.decisions, 7, cleanup_policy="compact", retention_ms="1000")
    found = {one.spec.short_name: one for one in await ensure(settings)}["decisions"]
    assert (found.state, found.partitions) == (TopicState.DIFFERS, 7)
    assert "partitions is 7, not 4" in found.details
    assert "cleanup.policy is compact, not delete" in found.details
    assert "retention.ms is 1000, not 7776000000" in found.details
    assert {one.spec.short_name: one for one in await inspect(settings)}["decisions"] == found


async def test_the_missing_twin_follows(settings: Settings) -> None:
    """Where the journal exists with another number of partitions, the snapshots are created with that many."""
    await create(settings, settings.topics.journal, 6)
    found = {one.spec.short_name: one for one in await ensure(settings)}
    assert (found["journal"].partitions, found["snapshots"].partitions) == (6, 6)
    assert found["journal"].state is TopicState.DIFFERS
    await prepare(settings)  # a difference, but nothing that a worker could not work with


async def test_of_unequal_twins_the_first_partitions_are_used(settings: Settings) -> None:
    """Partitions that were added to the journal stay empty, so that each rollout stays where it is."""
    await create(settings, settings.topics.journal, 4)
    await create(settings, settings.topics.snapshots, 2)
    found = {one.spec.short_name: one for one in await ensure(settings)}["snapshots"]
    assert found.state is TopicState.DIFFERS
    assert found.details[0].startswith(
        f"has 2 partitions and {settings.topics.journal} has 4: the first 2 of both are used"
    )
    prepared = await prepare(settings)
    assert (prepared.used_partitions, prepared.journal_partitions({3, 1, 0, 2})) == (2, [0, 1])


async def test_snapshots_can_be_made_again_with_fewer_partitions(settings: Settings) -> None:
    """After partitions were added to both: the number of those that are used is chosen."""
    await create(settings, settings.topics.journal, 4)
    found = {one.spec.short_name: one for one in await ensure(settings, partitions={"journal": 2})}
    assert (found["journal"].partitions, found["snapshots"].partitions) == (4, 2)
    assert (await prepare(settings)).used_partitions == 2


async def test_a_worker_may_have_to_find_its_topics(settings: Settings) -> None:
    """With `create_topics` off nothing is created, and what is missing is named."""
    with pytest.raises(TopicsUnfitError, match="gate-journal: does not exist"):
        await prepare(settings.model_copy(update={"create_topics": False}))
    await prepare(settings)
    await prepare(settings.model_copy(update={"create_topics": False}))


def command(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `sluicegate topics`."""
    known = {"SLUICEGATE_BOOTSTRAP": settings.bootstrap, "SLUICEGATE_TOPIC_PREFIX": settings.topic_prefix}
    return subprocess.run([SLUICEGATE, "topics", *arguments], capture_output=True, text=True, env=os.environ | known)


def test_the_command(settings: Settings) -> None:
    """`topics ensure` and `topics list` show the state of each topic, in a table or as JSON."""
    made = command(settings, "ensure", "--partitions", "request-events=2", "--json")
    assert made.returncode == 0, made.stderr
    assert {(one["topic"], one["state"]) for one in json.loads(made.stdout)} == {
        (spec.name(settings.topics), "created") for spec in TOPICS
    }
    listed = command(settings, "list")
    assert listed.returncode == 0
    assert f"{settings.topics.events} " in listed.stdout
    assert listed.stderr == f"{settings.topics.events}: partitions is 2, not 12\n"
    wrong = command(settings, "ensure", "--partitions", "nothing=2")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
