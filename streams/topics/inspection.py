"""Inspecting the topics on a broker: which exist, and how they differ from the table. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from connectors.kafka.clients import KafkaSettings, admin
from connectors.kafka.stopping import stop_client
from connectors.kafka.topics import TopicNames
from streams.topics.specs import TopicSpec, specs

NO_ERROR = 0


class TopicState(StrEnum):
    """What was found or done."""

    CREATED = "created"
    EXISTS = "exists"
    DIFFERS = "differs"  # it exists with other settings than the table's, and was left as it is
    MISSING = "missing"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class TopicReport:
    """One topic on the broker: its full name, its state, its number of partitions (0 if missing), and details."""

    spec: TopicSpec
    topic: str
    state: TopicState
    partitions: int = 0
    details: tuple[str, ...] = ()


async def inspect(settings: KafkaSettings, *, partitions: Mapping[str, int] | None = None) -> list[TopicReport]:
    """Report each topic of the table.

    Raises:
        ValueError: see `specs`.
        aiokafka.errors.KafkaError: no broker answers, or it refuses.
    """
    wanted = specs(partitions)
    client = admin(settings)
    try:
        await client.start()
        return await reports(client, settings.topics, wanted)
    finally:
        await stop_client(client)


async def reports(client: AIOKafkaAdminClient, names: TopicNames, wanted: Iterable[TopicSpec]) -> list[TopicReport]:
    """Report each of these topics, by a client that is connected."""
    # All topics are described, because some brokers create a topic that a request names.
    described = {topic["topic"]: len(topic["partitions"]) for topic in await client.describe_topics()}
    existing = [spec.name(names) for spec in wanted if described.get(spec.name(names))]
    configs = await _configs(client, existing) if existing else {}
    found = [_compared(spec, spec.name(names), described, configs) for spec in wanted]
    return _check_twins(found)


async def _configs(client: AIOKafkaAdminClient, topics: Iterable[str]) -> dict[str, dict[str, str]]:
    """The settings of each topic; a topic is left out where the broker does not allow us to read them."""
    answers: list[Any] = await client.describe_configs(
        [ConfigResource(ConfigResourceType.TOPIC, topic) for topic in topics]
    )
    return {
        resource[3]: {entry[0]: entry[1] for entry in resource[4]}
        for answer in answers
        for resource in answer.resources
        if resource[0] == NO_ERROR
    }


def _compared(
    spec: TopicSpec, topic: str, described: Mapping[str, int], configs: Mapping[str, Mapping[str, str]]
) -> TopicReport:
    found = described.get(topic, 0)
    if not found:
        return TopicReport(spec, topic, TopicState.MISSING)
    details = [] if found == spec.partitions else [f"partitions is {found}, not {spec.partitions}"]
    if topic not in configs:
        details.append("its settings cannot be read")
    for setting, value in spec.config.items():
        actual = configs.get(topic, {}).get(setting)
        if topic in configs and actual != value:
            details.append(f"{setting} is {actual or 'unset'}, not {value}")
    return TopicReport(spec, topic, TopicState.DIFFERS if details else TopicState.EXISTS, found, tuple(details))


def _check_twins(found: list[TopicReport]) -> list[TopicReport]:
    """Report on the snapshots that they have another number of partitions than the journal; see `used_partitions`."""
    by_name = {report.spec.short_name: report for report in found}
    journal, snapshots = by_name["journal"], by_name["snapshots"]
    if not journal.partitions or not snapshots.partitions or journal.partitions == snapshots.partitions:
        return found
    used = used_partitions(found)
    difference = (
        f"has {snapshots.partitions} partitions and {journal.topic} has {journal.partitions}: the first {used} of both "
        "are used, and the others stay empty; leave both as they are (docs/operations.md#partitions-of-the-journal)"
    )
    differs = replace(snapshots, state=TopicState.DIFFERS, details=(difference, *snapshots.details))
    return [differs if report is snapshots else report for report in found]


def used_partitions(found: Iterable[TopicReport]) -> int | None:
    """How many partitions of the journal are used: those that have one of the snapshots; None if one does not exist.

    A rollout's partition follows from its name and this number. With another number its records would be in another
    partition, which has no record of it: its epochs would begin again, and actuators would refuse all orders. So
    partitions that were added to the journal are not used.
    """
    by_name = {report.spec.short_name: report.partitions for report in found}
    return min(by_name["journal"], by_name["snapshots"]) or None
