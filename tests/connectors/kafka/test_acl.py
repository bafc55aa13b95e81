"""What is checked of the broker's access control; tests/security has the same with a broker that enforces it."""

from collections.abc import Collection
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import GroupAuthorizationFailedError, GroupCoordinatorNotAvailableError

from connectors.kafka import acl
from connectors.kafka.acl import AccessError, Needs, require
from connectors.kafka.clients import KafkaSettings

READ, WRITE, DESCRIBE = 1 << 3, 1 << 4, 1 << 8
NOT_LISTED = -(2**31)
NOT_ALLOWED, MISSING = 29, 3


class Broker:
    """An admin client of a broker that lists these operations: by topic (error code, bits); `closed` are groups."""

    def __init__(self, topics: dict[str, tuple[int, int]], closed: Collection[str]) -> None:
        self.old = False
        self.asked: list[str] = []
        self.closes = 0
        self._topics = topics
        self._closed = closed

    async def start(self) -> None:
        """There is nothing to connect to."""

    async def close(self) -> None:
        """Count it."""
        self.closes += 1

    async def find_coordinator(self, group: str) -> int:
        """Refuse closed groups; a new group has no coordinator yet."""
        raise GroupAuthorizationFailedError if group in self._closed else GroupCoordinatorNotAvailableError

    async def answer(self, request: Any) -> Any:
        """The metadata, as aiokafka gives it."""
        if self.old:
            raise NotImplementedError
        self.asked = request._topics
        listed = [
            {"topic": name, "error_code": code, "operations": bits}
            for name, (code, bits) in self._topics.items()
            if name in self.asked
        ]
        return SimpleNamespace(to_object=lambda: {"topics": listed})


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    """A broker that allows all on one topic, and less on others."""
    topics = {
        "all": (0, READ | WRITE | DESCRIBE),
        "read": (0, READ | DESCRIBE),
        "hidden": (NOT_ALLOWED, NOT_LISTED),
        "absent": (MISSING, NOT_LISTED),
        "unlisted": (0, NOT_LISTED),
    }
    made = Broker(topics, closed=["others"])
    monkeypatch.setattr(acl, "admin", lambda _: made)
    monkeypatch.setattr(acl, "send_request", lambda client, request: client.answer(request))
    return made


async def missing(needs: Needs) -> list[str]:
    """What the error lists; [] without one."""
    login = {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN", "sasl_username": "ann"}
    settings = KafkaSettings.model_validate(login | {"bootstrap": "kafka:9092", "sasl_password": "hidden"})
    begin, end = "Kafka at kafka:9092 does not allow: ", " (docs/security.md has what each role needs)"
    try:
        await require(settings, needs)
    except AccessError as error:
        return str(error).removeprefix(begin).removesuffix(end).split(", ")
    return []


async def test_what_is_allowed_is_no_error(broker: Broker) -> None:
    """One request has all topics, each once, and the client is closed."""
    assert await missing(Needs(read=["all", "read"], write=["all"], describe=["read"], groups=["mine"])) == []
    assert (broker.asked, broker.closes) == (["all", "read"], 1)


async def test_all_that_is_missing_is_in_one_error(broker: Broker) -> None:
    """Operations of topics first, then groups."""
    needs = Needs(read=["hidden", "read"], write=["read", "hidden"], describe=["hidden"], groups=["mine", "others"])
    assert await missing(needs) == [
        "Read on topic hidden",
        "Write on topic read",
        "Write on topic hidden",
        "Describe on topic hidden",
        "Read on group others",
    ]
    assert broker.closes == 1


async def test_what_the_broker_does_not_list_is_no_error(broker: Broker) -> None:
    """A missing topic has another error later, and an old broker lists nothing."""
    assert await missing(Needs(read=["absent", "unlisted", "never seen"])) == []
    broker.old = True
    assert await missing(Needs(read=["hidden"])) == []


async def test_without_a_login_nothing_is_asked(broker: Broker) -> None:
    """The broker then identifies nobody."""
    await require(KafkaSettings(), Needs(read=["hidden"]))
    assert (broker.asked, broker.closes) == ([], 0)
