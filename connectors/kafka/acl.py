"""Checks the broker's access control before anything is done, so that one error lists all permissions that are missing.

Kafka lists the operations allowed on a topic in its metadata (version 8), a request that aiokafka has no method for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Schema, String

from connectors.kafka.clients import KafkaSettings, admin
from connectors.kafka.private_aiokafka import send_request
from connectors.kafka.stopping import stop_client

_NOT_ALLOWED: Final = 29
_UNKNOWN: Final = -(2**31)
"""Kafka's value for operations that the broker does not list."""
_BITS: Final = {"Read": 1 << 3, "Write": 1 << 4, "Describe": 1 << 8}


class AccessError(RuntimeError):
    """The broker denies us operations that we need; the message lists each operation with its topic or group."""


@dataclass(frozen=True, slots=True)
class Needs:
    """Topics to read, to write and to describe, and consumer groups to join, by their full names."""

    read: Collection[str] = ()
    write: Collection[str] = ()
    describe: Collection[str] = ()
    groups: Collection[str] = ()

    def by_topic(self) -> Iterator[tuple[str, str]]:
        """Each operation and its topic."""
        for operation, topics in (("Read", self.read), ("Write", self.write), ("Describe", self.describe)):
            yield from ((operation, topic) for topic in topics)


async def require(settings: KafkaSettings, needs: Needs) -> None:
    """Return if the broker allows all of it. There is no check with PLAINTEXT, since the broker then identifies nobody.

    A topic that does not exist is not an error, and neither is a broker that does not list what is allowed.

    Raises:
        AccessError: something is denied; the message lists all of it.
        aiokafka.errors.KafkaError: no broker answers.
    """
    if settings.security_protocol == "PLAINTEXT":
        return
    client = admin(settings)
    try:
        await client.start()
        allowed = await _allowed(client, sorted({topic for _, topic in needs.by_topic()}))
        missing = [
            f"{operation} on topic {topic}"
            for operation, topic in needs.by_topic()
            if not allowed.get(topic, ~0) & _BITS[operation]
        ]
        missing += [f"Read on group {group}" for group in needs.groups if not await _may_join(client, group)]
    finally:
        await stop_client(client)
    if missing:
        raise AccessError(
            f"Kafka at {settings.bootstrap} does not allow: {', '.join(missing)} "
            "(docs/security.md has what each role needs)"
        )


async def _allowed(client: AIOKafkaAdminClient, topics: list[str]) -> dict[str, int]:
    """The operations allowed on each topic, as bits; without the topics for which the broker lists nothing."""
    try:
        answer = (await send_request(client, _OperationsRequest(topics))).to_object()
    except NotImplementedError:  # the broker is too old, or this aiokafka was not checked: then there is no check
        return {}
    found: dict[str, int] = {}
    for topic in answer["topics"]:
        if topic["error_code"] == _NOT_ALLOWED:
            found[topic["topic"]] = 0
        elif topic["error_code"] == 0 and topic["operations"] != _UNKNOWN:
            found[topic["topic"]] = topic["operations"]
    return found


async def _may_join(client: AIOKafkaAdminClient, group: str) -> bool:
    try:
        await client.find_coordinator(group)
    except GroupAuthorizationFailedError:
        return False
    except KafkaError:
        pass  # there may be no coordinator yet: joining the group waits for it
    return True


class _OperationsResponse_v8(Response):  # type: ignore[misc]  # noqa: N801 - untyped, and named as aiokafka does
    API_KEY = 3
    API_VERSION = 8
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", Array(("node_id", Int32), ("host", String()), ("port", Int32), ("rack", String()))),
        ("cluster_id", String()),
        ("controller_id", Int32),
        (
            "topics",
            Array(
                ("error_code", Int16),
                ("topic", String()),
                ("is_internal", Boolean),
                (
                    "partitions",
                    Array(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", Array(Int32)),
                        ("isr", Array(Int32)),
                        ("offline", Array(Int32)),
                    ),
                ),
                ("operations", Int32),
            ),
        ),
        ("cluster_operations", Int32),
    )


class _OperationsRequest_v8(RequestStruct):  # type: ignore[misc]  # noqa: N801
    API_KEY = 3
    API_VERSION = 8
    RESPONSE_TYPE = _OperationsResponse_v8
    SCHEMA = Schema(
        ("topics", Array(String())),
        ("may_create", Boolean),
        ("with_cluster_operations", Boolean),
        ("with_operations", Boolean),
    )


class _OperationsRequest(Request[_OperationsRequest_v8]):  # type: ignore[misc]
    API_KEY = 3

    def __init__(self, topics: list[str]) -> None:
        self._topics = topics

    def build(self, request_struct_class: type[_OperationsRequest_v8]) -> _OperationsRequest_v8:
        """The request as it is sent; it creates no topic."""
        return request_struct_class(self._topics, False, False, True)
