"""Creating the topics of the table on a broker; existing ones are never changed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import for_code

from connectors.kafka.clients import KafkaSettings, admin
from connectors.kafka.stopping import stop_client
from connectors.kafka.topics import TopicNames
from streams.runtime.settings import Settings
from streams.topics.inspection import NO_ERROR, TopicReport, TopicState, inspect, reports, used_partitions
from streams.topics.specs import TopicSpec, specs

log = logging.getLogger(__name__)

MOST_REPLICAS = 3
IN_SYNC = 2
"""With three replicas or more: an acknowledged record then survives the loss of a broker, and the loss of one does not
stop writes."""

_CREATE_TIMEOUT_MS = 15_000
_VISIBLE_TIMEOUT_S = 15.0
_POLL_S = 0.1
_ALREADY_EXISTS = 36

_TWINS = {"snapshots": "journal", "journal": "snapshots"}


class TopicsUnfitError(RuntimeError):
    """A worker cannot work with the topics that there are."""


async def ensure(
    settings: KafkaSettings, *, replication: int | None = None, partitions: Mapping[str, int] | None = None
) -> list[TopicReport]:
    """Create the topics that are missing; report how the others differ from the table.

    `replication` is 3, or the number of brokers if there are fewer, unless given. `partitions` overrides the table's
    numbers, by short name.

    Raises:
        ValueError: see `specs`.
        aiokafka.errors.KafkaError: no broker answers, or it refuses.
    """
    wanted = specs(partitions)
    client = admin(settings)
    try:
        await client.start()
        before = await reports(client, settings.topics, wanted)
        missing = [report.spec for report in before if report.state is TopicState.MISSING]
        if not missing:
            return before
        replicas = replication or min(MOST_REPLICAS, len((await client.describe_cluster())["brokers"]))
        problems = await _create(client, settings.topics, _paired(missing, before, partitions or {}), replicas)
        after = await _visible(client, settings.topics, wanted, problems)
    finally:
        await stop_client(client)
    created = {spec.short_name for spec in missing}
    return [_created(report, problems) if report.spec.short_name in created else report for report in after]


async def prepare(settings: Settings) -> Settings:
    """Make sure that a worker has its topics: create missing ones, unless `create_topics` is off.

    Returns the settings with the number of partitions of the journal that are used.

    Raises:
        TopicsUnfitError: a topic is missing or unusable; the message names each.
        aiokafka.errors.KafkaError: no broker answers, or it refuses.
    """
    found = await (ensure(settings) if settings.create_topics else inspect(settings))
    unfit: list[str] = []
    for report in found:
        if report.state in (TopicState.FAILED, TopicState.MISSING):
            unfit.append(f"{report.topic}: {'; '.join(report.details) or 'does not exist'}")
        elif report.state is TopicState.DIFFERS:
            log.warning("topic %s differs from Sluicegate's own: %s", report.topic, "; ".join(report.details))
    if unfit:
        raise TopicsUnfitError("\n".join(unfit))
    return settings.with_journal(used_partitions(found))


def _paired(missing: Iterable[TopicSpec], before: Iterable[TopicReport], chosen: Mapping[str, int]) -> list[TopicSpec]:
    """What to create. Where one of journal and snapshots exists, the other gets its number of partitions.

    Fewer snapshots may be `chosen`: then no more partitions of the journal are used.
    """
    found = {report.spec.short_name: report.partitions for report in before if report.partitions}
    if "journal" in found:
        found["journal"] = min(found["journal"], chosen.get("journal", found["journal"]))
    return [replace(spec, partitions=found.get(_TWINS.get(spec.short_name, ""), spec.partitions)) for spec in missing]


async def _create(
    client: AIOKafkaAdminClient, names: TopicNames, missing: Iterable[TopicSpec], replicas: int
) -> dict[str, str]:
    """Create topics; returns the problem of each topic that has one.

    A topic that exists by now is none: workers start at the same time and create the same topics.
    """
    more = {"min.insync.replicas": str(IN_SYNC)} if replicas > IN_SYNC else {}
    topics = [
        NewTopic(spec.name(names), spec.partitions, replicas, topic_configs=spec.config | more) for spec in missing
    ]
    answer = await client.create_topics(topics, timeout_ms=_CREATE_TIMEOUT_MS)
    return {
        error[0]: error[2] or for_code(error[1]).__name__
        for error in answer.topic_errors
        if error[1] not in (NO_ERROR, _ALREADY_EXISTS)
    }


async def _visible(
    client: AIOKafkaAdminClient, names: TopicNames, wanted: Iterable[TopicSpec], problems: Mapping[str, str]
) -> list[TopicReport]:
    """Report the topics once the broker shows all that were created: for a moment it may not."""
    deadline = asyncio.get_running_loop().time() + _VISIBLE_TIMEOUT_S
    while True:
        found = await reports(client, names, wanted)
        waiting = [report for report in found if report.state is TopicState.MISSING and report.topic not in problems]
        if not waiting or asyncio.get_running_loop().time() > deadline:
            return found
        await asyncio.sleep(_POLL_S)


def _created(report: TopicReport, problems: Mapping[str, str]) -> TopicReport:
    problem = problems.get(report.topic)
    if problem is not None or report.state is TopicState.MISSING:
        problem = problem or f"was created, but the broker does not show it after {_VISIBLE_TIMEOUT_S:g} s"
        return replace(report, state=TopicState.FAILED, details=(problem,))
    return replace(report, state=TopicState.CREATED) if report.state is TopicState.EXISTS else report
