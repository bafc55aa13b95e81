"""A topic that is made again is noticed, once, and not mistaken for one that is away for a moment."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaError

from connectors.kafka import topic_watch
from connectors.kafka.clients import KafkaSettings
from connectors.kafka.topic_watch import TopicWatch

CLOCK: Any = SimpleNamespace(now=1_000.0, monotonic=lambda: CLOCK.now)


class Topics:
    """The ids that the broker answers, or an error."""

    def __init__(self) -> None:
        self.ids: dict[str, str] = {"gate-decisions": "X", "rollback-commands": "C"}
        self.fails = False
        self.asked = 0

    async def answer(self, *_: object) -> dict[str, str]:
        """What the broker answers."""
        self.asked += 1
        if self.fails:
            raise KafkaError
        return dict(self.ids)

    async def start(self) -> None:
        """Connect."""

    async def close(self) -> None:
        """Disconnect."""


@pytest.fixture
def topics(monkeypatch: pytest.MonkeyPatch) -> Topics:
    """A broker's topics, and a clock that is moved by hand."""
    made = Topics()
    monkeypatch.setattr(topic_watch, "topic_ids", made.answer)
    monkeypatch.setattr(topic_watch, "admin", lambda settings: made)
    monkeypatch.setattr(topic_watch, "time", CLOCK)
    return made


async def test_a_topic_is_made_again(topics: Topics) -> None:
    """Also if it is missing in between."""
    watch = TopicWatch(KafkaSettings(), *topics.ids)
    await watch.start()
    assert not await watch.made_again(fetched=True)
    del topics.ids["gate-decisions"]
    assert not await watch.made_again(fetched=True)
    topics.ids["gate-decisions"] = "Y"
    assert await watch.made_again(fetched=True)
    assert watch.id_of("gate-decisions") == "Y"
    assert not await watch.made_again(fetched=True)
    await watch.stop()


async def test_how_often_it_asks(topics: Topics) -> None:
    """Each time that something was fetched, and else once a second."""
    watch = TopicWatch(KafkaSettings(), *topics.ids)
    await watch.start()
    topics.ids["gate-decisions"] = "Y"
    assert not await watch.made_again(fetched=False)
    CLOCK.now += topic_watch.ASK_S
    assert await watch.made_again(fetched=False)
    assert topics.asked == 2


async def test_a_broker_that_does_not_answer(topics: Topics) -> None:
    """The topics are taken for the same."""
    watch = TopicWatch(KafkaSettings(), *topics.ids)
    await watch.start()
    topics.fails = True
    assert not await watch.made_again(fetched=True)
    assert watch.id_of("gate-decisions") == "X"
