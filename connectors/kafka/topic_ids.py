"""The identity of topics: a topic that was deleted and made again has the same name, and other offsets.

Kafka gives each topic an id when it makes it (from 2.8 on), and lists it in its metadata (version 10), a request that
aiokafka has no method for.
"""

from __future__ import annotations

import base64
from io import BytesIO
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import IncompatibleBrokerVersion
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    AbstractType,
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from connectors.kafka.private_aiokafka import send_request

NO_ID: Final = ""
"""The id of a topic whose broker has none."""

_ID_BYTES: Final = 16
_NO_BYTES: Final = bytes(_ID_BYTES)


async def topic_ids(client: AIOKafkaAdminClient, *topics: str) -> dict[str, str]:
    """The id of each of these topics, as Kafka's tools show it, by a client that is connected.

    Topics that do not exist are left out. `NO_ID` is the id of all where the broker does not know topic ids.

    Raises:
        aiokafka.errors.KafkaError: the broker does not answer.
    """
    try:
        answer = (await send_request(client, _TopicIdsRequest(list(topics)))).to_object()
    except (NotImplementedError, IncompatibleBrokerVersion):  # an old broker, or this aiokafka was not checked
        return dict.fromkeys(topics, NO_ID)
    found = {topic["topic"]: topic["topic_id"] for topic in answer["topics"] if topic["error_code"] == 0}
    return {name: _text_of(found[name]) for name in topics if name in found}


def _text_of(identity: bytes) -> str:
    """An id as Kafka's tools show it.

    >>> _text_of(bytes(range(16)))
    'AAECAwQFBgcICQoLDA0ODw'
    >>> _text_of(bytes(16))
    ''
    """
    return NO_ID if identity == _NO_BYTES else base64.urlsafe_b64encode(identity).decode().rstrip("=")


class _Uuid(AbstractType[bytes]):  # type: ignore[misc]  # aiokafka is untyped
    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        value = data.read(_ID_BYTES)
        if len(value) != _ID_BYTES:
            raise ValueError("the answer ends within a topic id")
        return value


_TAGS: Final = ("tags", TaggedFields)


class _TopicIdsResponse_v10(Response):  # type: ignore[misc]  # noqa: N801 - untyped, and named as aiokafka does
    API_KEY = 3
    API_VERSION = 10
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32), ("host", CompactString()), ("port", Int32), ("rack", CompactString()), _TAGS
            ),
        ),
        ("cluster_id", CompactString()),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("topic", CompactString()),
                ("topic_id", _Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline", CompactArray(Int32)),
                        _TAGS,
                    ),
                ),
                ("operations", Int32),
                _TAGS,
            ),
        ),
        ("cluster_operations", Int32),
        _TAGS,
    )


class _TopicIdsRequest_v10(RequestStruct):  # type: ignore[misc]  # noqa: N801
    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = 10
    RESPONSE_TYPE = _TopicIdsResponse_v10
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Uuid), ("topic", CompactString()), _TAGS)),
        ("may_create", Boolean),
        ("with_cluster_operations", Boolean),
        ("with_operations", Boolean),
        _TAGS,
    )


class _TopicIdsRequest(Request[_TopicIdsRequest_v10]):  # type: ignore[misc]
    API_KEY = 3

    def __init__(self, topics: list[str]) -> None:
        self._topics = topics

    def build(self, request_struct_class: type[_TopicIdsRequest_v10]) -> Any:
        """The request as it is sent; it creates no topic."""
        topics: list[tuple[bytes, str, dict[int, bytes]]] = [(_NO_BYTES, topic, {}) for topic in self._topics]
        return request_struct_class(topics, False, False, False, {})
