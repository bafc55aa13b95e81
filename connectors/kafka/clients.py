"""How to reach Kafka: settings from the environment, and clients made from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.partitioner import murmur2
from pydantic import Field, SecretStr

from connectors.kafka.bounded_batches import bound_batches
from connectors.kafka.login import client_security
from connectors.kafka.rebootstrap import use_bootstrap_again
from connectors.kafka.repeated_warnings import log_now_and_then
from connectors.kafka.security import SecuritySettings
from connectors.kafka.stalled_partitions import hold_stalled_partitions
from connectors.kafka.topics import TopicNames, is_topic_prefix
from connectors.settings import StrictSettings

LARGEST_MESSAGE = 4 * 1_048_576
"""The largest message that clients send and fetch, in bytes."""

FETCHED_AHEAD = 1_048_576
"""Bytes of a partition that a consumer fetches at once; a first batch that is larger is still returned (KIP-74)."""

MOST_AT_ONCE = 1_000
"""Records that a consumer returns at once. A batch can have millions, and each is an object of some 400 bytes."""
METADATA_MS = 5_000
"""How often a consumer asks which partitions its topics have. A key's next record may be in one that was added: with
the 5 minutes of aiokafka an actuator would miss rollbacks so long."""

LARGEST_SNAPSHOT = 64 * 1_048_576
"""The largest snapshot before compression, in bytes."""

use_bootstrap_again()
log_now_and_then()


class _AddressSettings(StrictSettings):
    bootstrap: str = Field(
        default="localhost:9092", description="Kafka bootstrap servers, host:port separated by commas"
    )
    topic_prefix: str = Field(default="", description="prefix of every topic and group name")

    @classmethod
    def faults(cls, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """See `StrictSettings`: a prefix that topics cannot have."""
        yield from super().faults(given)
        prefix = given.get("topic_prefix", "")
        if isinstance(prefix, str) and not is_topic_prefix(prefix):
            yield "topic_prefix", f"{prefix!r}: write letters, digits, dots, dashes and underscores only"

    @property
    def topics(self) -> TopicNames:
        """The names of the topics with this prefix."""
        return TopicNames(self.topic_prefix)


class KafkaSettings(SecuritySettings, _AddressSettings):
    """Where Kafka is and how we log in; each field is read from `SLUICEGATE_` and its name in capitals."""

    signing_key_file: Path | None = Field(None, description="file of the key that signs the messages of this process")
    signing_key: SecretStr | None = Field(None, description="the key itself, if it cannot be in a file")
    verify_keys_file: Path | None = Field(
        None, description="file of the trusted keys; messages that none of them signed are refused"
    )
    signature_valid_ms: int = Field(
        3_600_000, ge=1_000, le=86_400_000, description="how long a signed order or ack is valid, in milliseconds"
    )


def client_options(settings: KafkaSettings) -> dict[str, Any]:
    """The options of every aiokafka client: where Kafka is, and how to log in.

    Raises:
        OSError: a file that the settings name cannot be read.
    """
    return {"bootstrap_servers": settings.bootstrap, **client_security(settings)}


def producer(settings: KafkaSettings, **options: Any) -> AIOKafkaProducer:
    """A producer that waits for every in-sync replica; `options` are aiokafka's."""
    chosen: dict[str, Any] = {"acks": "all", "linger_ms": 5, "max_request_size": LARGEST_MESSAGE} | options
    return AIOKafkaProducer(**client_options(settings), **chosen)


def consumer(settings: KafkaSettings, *topics: str, **options: Any) -> AIOKafkaConsumer:
    """A consumer that never commits by itself and starts at the oldest record; `options` are aiokafka's.

    Partitions that are added are in `partitions_for_topic` within `METADATA_MS`.
    """
    bound_batches()
    hold_stalled_partitions()
    chosen: dict[str, Any] = {
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "metadata_max_age_ms": METADATA_MS,
        "max_poll_records": MOST_AT_ONCE,
    }
    return AIOKafkaConsumer(*topics, **client_options(settings), **chosen | options)


@lru_cache(maxsize=1 << 16)
def partition_for(key: str, partitions: int) -> int:
    """The partition of a message with this key, of that many partitions, by Kafka's default partitioner (murmur2)."""
    number: int = (murmur2(key.encode()) & 0x7FFFFFFF) % partitions
    return number


def admin(settings: KafkaSettings) -> AIOKafkaAdminClient:
    """An admin client."""
    return AIOKafkaAdminClient(**client_options(settings))


__all__ = ["KafkaSettings", "TopicPartition", "admin", "client_options", "consumer", "partition_for", "producer"]
