"""Making the topics on a broker as the table has them; what exists is never changed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import for_code

from connectors.kafka.clients import KafkaSettings, admin
from connectors.kafka.topics import TopicNames
from streams.runtime.settings import Settings
from streams.topics.specs import TopicSpec, specs

log = logging.getLogger(__name__)

MOST_REPLICAS = 3
IN_SYNC = 2  # with three replicas or more: an acknowledged record survives the loss of a broker

_CREATE_TIMEOUT_MS = 15_000
_VISIBLE_TIMEOUT_S = 15.0
_POLL_S = 0.1
_NO_ERROR = 0
_ALREADY_EXISTS = 36

_TWINS = {"snapshots": "journal", "journal": "snapshots"}


class State(StrEnum):
    """What was found or done."""

    CREATED = "created"
    EXISTS = "exists"
    DIFFERS = "differs"  # it exists, and is not as the table has it; it was left alone
    MISSING = "missing"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One topic as it is on the broker: its name, its state, its number of partitions (0 if missing), and details."""

    spec: TopicSpec
    topic: str
    state: State
    partitions: int = 0
    details: tuple[str, ...] = ()


class TopicsUnfitError(RuntimeError):
    """Topics that a worker cannot work with."""


async def inspect(settings: KafkaSettings, *, partitions: Mapping[str, int] | None = None) -> list[Outcome]:
    """What exists and how it differs from the table; changes nothing.

    Raises:
        ValueError: see `specs`.
        aiokafka.errors.KafkaError: no broker answers, or it refuses.
    """
    wanted = specs(partitions)
    client = admin(settings)
    try:
        await client.start()
        return await _inspect(client, settings.topics, wanted)
    finally:
        await client.close()


async def ensure(
    settings: KafkaSettings, *, replication: int | None = None, partitions: Mapping[str, int] | None = None
) -> list[Outcome]:
    """Create the topics that are missing; of the others say how they differ from the table, and leave them alone.

    `replication` is 3, or as many brokers as there are, unless given. `partitions` has other numbers by `word`.

    Raises:
        ValueError: see `specs`.
        aiokafka.errors.KafkaError: no broker answers, or it refuses.
    """
    wanted = specs(partitions)
    client = admin(settings)
    try:
        await client.start()
        before = await _inspect(client, settings.topics, wanted)
        missing = [outcome.spec for outcome in before if outcome.state is State.MISSING]
        if not missing:
            return before
        replicas = replication or min(MOST_REPLICAS, len((await client.describe_cluster())["brokers"]))
        problems = await _create(client, settings.topics, _paired(missing, before), replicas)
        after = await _visible(client, settings.topics, wanted, problems)
    finally:
        await client.close()
    made = {spec.word for spec in missing}
    return [_made(outcome, problems) if outcome.spec.word in made else outcome for outcome in after]


async def prepare(settings: Settings) -> None:
    """See to it that a worker finds its topics: create them, unless the settings say that others do.

    Raises:
        TopicsUnfitError: a topic is missing or cannot work; the message names each.
        aiokafka.errors.KafkaError: no broker answers, or it refuses.
    """
    outcomes = await (ensure(settings) if settings.create_topics else inspect(settings))
    unfit: list[str] = []
    for outcome in outcomes:
        if outcome.state in (State.FAILED, State.MISSING):
            unfit.append(f"{outcome.topic}: {'; '.join(outcome.details) or 'does not exist'}")
        elif outcome.state is State.DIFFERS:
            log.warning("topic %s: %s", outcome.topic, "; ".join(outcome.details))
    if unfit:
        raise TopicsUnfitError("\n".join(unfit))


def _paired(missing: Iterable[TopicSpec], before: Iterable[Outcome]) -> list[TopicSpec]:
    """What to create, where one of journal and snapshots exists with as many partitions as that one has."""
    found = {outcome.spec.word: outcome.partitions for outcome in before if outcome.partitions}
    return [replace(spec, partitions=found.get(_TWINS.get(spec.word, ""), spec.partitions)) for spec in missing]


async def _create(
    client: AIOKafkaAdminClient, names: TopicNames, missing: Iterable[TopicSpec], replicas: int
) -> dict[str, str]:
    """Create; returns in words what went wrong, by topic. That another worker was faster is not wrong."""
    more = {"min.insync.replicas": str(IN_SYNC)} if replicas > IN_SYNC else {}
    topics = [
        NewTopic(spec.name(names), spec.partitions, replicas, topic_configs=spec.config | more) for spec in missing
    ]
    answer = await client.create_topics(topics, timeout_ms=_CREATE_TIMEOUT_MS)
    return {
        error[0]: error[2] or for_code(error[1]).__name__
        for error in answer.topic_errors
        if error[1] not in (_NO_ERROR, _ALREADY_EXISTS)
    }


async def _visible(
    client: AIOKafkaAdminClient, names: TopicNames, wanted: Iterable[TopicSpec], problems: Mapping[str, str]
) -> list[Outcome]:
    """How things stand once the broker shows all that was created."""
    deadline = asyncio.get_running_loop().time() + _VISIBLE_TIMEOUT_S
    while True:
        found = await _inspect(client, names, wanted)
        waiting = [one for one in found if one.state is State.MISSING and one.topic not in problems]
        if not waiting or asyncio.get_running_loop().time() > deadline:
            return found
        await asyncio.sleep(_POLL_S)


def _made(outcome: Outcome, problems: Mapping[str, str]) -> Outcome:
    problem = problems.get(outcome.topic)
    if problem is not None or outcome.state is State.MISSING:
        return replace(
            outcome, state=State.FAILED, details=(problem or "was created, but the broker does not show it",)
        )
    return replace(outcome, state=State.CREATED) if outcome.state is State.EXISTS else outcome


async def _inspect(client: AIOKafkaAdminClient, names: TopicNames, wanted: Iterable[TopicSpec]) -> list[Outcome]:
    # About all topics: some brokers create a topic that is asked for by its name.
    described = {topic["topic"]: len(topic["partitions"]) for topic in await client.describe_topics()}
    existing = [spec.name(names) for spec in wanted if described.get(spec.name(names))]
    configs = await _configs(client, existing) if existing else {}
    outcomes = [_compared(spec, spec.name(names), described, configs) for spec in wanted]
    return _with_twins(outcomes)


async def _configs(client: AIOKafkaAdminClient, topics: Iterable[str]) -> dict[str, dict[str, str]]:
    """The settings that each topic has, by topic; empty where the broker does not tell."""
    answers: list[Any] = await client.describe_configs(
        [ConfigResource(ConfigResourceType.TOPIC, topic) for topic in topics]
    )
    return {
        resource[3]: {entry[0]: entry[1] for entry in resource[4]}
        for answer in answers
        for resource in answer.resources
        if resource[0] == _NO_ERROR
    }


def _compared(
    spec: TopicSpec, topic: str, described: Mapping[str, int], configs: Mapping[str, Mapping[str, str]]
) -> Outcome:
    found = described.get(topic, 0)
    if not found:
        return Outcome(spec, topic, State.MISSING)
    details = [] if found == spec.partitions else [f"partitions is {found}, not {spec.partitions}"]
    if topic not in configs:
        details.append("its settings cannot be read")
    for word, value in spec.config.items():
        actual = configs.get(topic, {}).get(word)
        if topic in configs and actual != value:
            details.append(f"{word} is {actual or 'unset'}, not {value}")
    return Outcome(spec, topic, State.DIFFERS if details else State.EXISTS, found, tuple(details))


def _with_twins(outcomes: list[Outcome]) -> list[Outcome]:
    """Journal and snapshots with different numbers of partitions are an error: recovery would miss rollouts."""
    found = {outcome.spec.word: outcome for outcome in outcomes}
    journal, snapshots = found["journal"], found["snapshots"]
    if not journal.partitions or not snapshots.partitions or journal.partitions == snapshots.partitions:
        return outcomes
    problem = (
        f"has {snapshots.partitions} partitions and {journal.topic} has {journal.partitions}: "
        "delete it and run this again, the judge rebuilds it from the journal"
    )
    failed = replace(snapshots, state=State.FAILED, details=(problem, *snapshots.details))
    return [failed if outcome is snapshots else outcome for outcome in outcomes]
