"""How to reach Kafka, in one place: settings from the environment, and clients made from them."""

from __future__ import annotations

from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from connectors.topics import TopicNames

LARGEST_MESSAGE = 4 * 1_048_576
"""Bytes of one message that clients send and fetch."""

LARGEST_SNAPSHOT = 64 * 1_048_576
"""Bytes of one snapshot before compression."""


class KafkaSettings(BaseSettings):
    """Where Kafka is; each field is read from `SLUICEGATE_` and its name in capitals."""

    model_config = SettingsConfigDict(env_prefix="SLUICEGATE_", extra="ignore", frozen=True)

    bootstrap: str = Field(
        default="localhost:9092", description="Kafka bootstrap servers, host:port separated by commas"
    )
    topic_prefix: str = Field(default="", description="put before every topic and group name")

    @property
    def topics(self) -> TopicNames:
        """The topics' names under this prefix."""
        return TopicNames(self.topic_prefix)


def producer(settings: KafkaSettings, **options: Any) -> AIOKafkaProducer:
    """A producer that waits for every in-sync replica; `options` are aiokafka's."""
    chosen: dict[str, Any] = {"acks": "all", "linger_ms": 5, "max_request_size": LARGEST_MESSAGE} | options
    return AIOKafkaProducer(bootstrap_servers=settings.bootstrap, **chosen)


def consumer(settings: KafkaSettings, *topics: str, **options: Any) -> AIOKafkaConsumer:
    """A consumer that commits nothing by itself and starts at the oldest record; `options` are aiokafka's."""
    chosen: dict[str, Any] = {"enable_auto_commit": False, "auto_offset_reset": "earliest"} | options
    return AIOKafkaConsumer(*topics, bootstrap_servers=settings.bootstrap, **chosen)


def admin(settings: KafkaSettings) -> AIOKafkaAdminClient:
    """An admin client."""
    return AIOKafkaAdminClient(bootstrap_servers=settings.bootstrap)


__all__ = ["KafkaSettings", "TopicPartition", "admin", "consumer", "producer"]
