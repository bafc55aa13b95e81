"""The identity of the topic that ingest reads."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, UnknownTopicOrPartitionError

from connectors.kafka.clients import KafkaSettings
from streams.ingest import source_topic
from streams.ingest.source_topic import SourceTopic


async def test_a_topic_of_a_broker(embedded_broker: str) -> None:
    """One that does not exist has no identity, and that is no answer."""
    topic = SourceTopic(KafkaSettings(bootstrap=embedded_broker), "no-such-topic")
    await topic.start()
    try:
        with pytest.raises(UnknownTopicOrPartitionError):
            await topic.identity()
        assert await topic.identity_or_none() is None
    finally:
        await topic.stop()


@pytest.mark.parametrize("answer", [{"e": "X"}, KafkaConnectionError()])
async def test_a_broker_that_does_not_answer(answer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the identity is not known, which is no error before a flush."""

    async def ids(*_: object) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(source_topic, "topic_ids", ids)
    topic: Any = SourceTopic(KafkaSettings(), "e")
    topic._client = None
    assert await topic.identity_or_none() == (None if isinstance(answer, Exception) else "X")
