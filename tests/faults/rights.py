"""A broker with logins for workers, and what they are denied on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiokafka.protocol.admin import CreateAclsRequest_v1, DeleteAclsRequest_v1
from aiokafka.protocol.api import Request

from connectors.kafka.clients import KafkaSettings, admin
from tests.brokers import KafkaUnavailableError, MavenKafka, skip_or_fail

USER, PASSWORD = "worker", "hidden-4711"
TOPIC, GROUP = 2, 3
READ, LITERAL, DENY = 3, 3, 2


@contextmanager
def broker_with_rights() -> Iterator[MavenKafka]:
    """Everything is allowed that is not denied; who comes without a login may do all."""
    plain = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    properties = {
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.users.plain.sasl.jaas.config": f'{plain} user_{USER}="{PASSWORD}";',
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "true",
        "super.users": "User:ANONYMOUS",
    }
    try:
        kafka = MavenKafka(listeners={"USERS": "SASL_PLAINTEXT"}, properties=properties)
    except KafkaUnavailableError as missing:
        skip_or_fail(missing)
    with kafka:
        yield kafka


def login(kafka: MavenKafka) -> dict[str, str]:
    """The variables by which a worker logs in."""
    return {
        "SLUICEGATE_BOOTSTRAP": kafka.addresses["USERS"],
        "SLUICEGATE_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "SLUICEGATE_SASL_MECHANISM": "PLAIN",
        "SLUICEGATE_SASL_USERNAME": USER,
        "SLUICEGATE_SASL_PASSWORD": PASSWORD,
    }


class _Creation(Request[CreateAclsRequest_v1]):  # type: ignore[misc]  # aiokafka has no types
    """Only one rule."""

    API_KEY = CreateAclsRequest_v1.API_KEY

    def __init__(self, rule: tuple[Any, ...]) -> None:
        self._rule = rule

    def build(self, request_struct_class: Any) -> Any:
        """The request as it goes on the wire."""
        return request_struct_class([self._rule])


class _Deletion(Request[DeleteAclsRequest_v1]):  # type: ignore[misc]  # aiokafka has no types
    """Of one rule."""

    API_KEY = DeleteAclsRequest_v1.API_KEY

    def __init__(self, rule: tuple[Any, ...]) -> None:
        self._rule = rule

    def build(self, request_struct_class: Any) -> Any:
        """The request as it goes on the wire."""
        return request_struct_class([self._rule])


async def deny(settings: KafkaSettings, kind: int, name: str) -> None:
    """Deny the workers to read this topic, or to join this group."""
    await _send(settings, _Creation, (kind, name, LITERAL, f"User:{USER}", "*", READ, DENY))


async def allow_again(settings: KafkaSettings, kind: int, name: str) -> None:
    """Deny it no longer."""
    await _send(settings, _Deletion, (kind, name, LITERAL, f"User:{USER}", "*", READ, DENY))


async def _send(settings: KafkaSettings, kind: Any, rule: tuple[Any, ...]) -> None:
    client = admin(settings)
    await client.start()
    try:
        answer = await client._send_request(kind(rule))
    finally:
        await client.close()
    (done,) = answer.filter_responses if kind is _Deletion else answer.creation_responses
    assert done[0] == 0, answer
