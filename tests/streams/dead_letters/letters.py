"""A dead letter, as tests need it."""

from __future__ import annotations

from connectors.dead_letters import DeadLetter
from connectors.kafka.topics import TopicNames
from streams.dead_letters.letters import Letter, Place, read_letter

NAMES = TopicNames()
GOOD = b'{"ts":1767225600123,"rollout":"search","cohort":"canary","status":200,"latency_ms":1}'


def letter(value: bytes = GOOD, reason: str = "bad_json", topic: str = NAMES.events, at: int = 1_000) -> Letter:
    """A dead letter as its topic has it."""
    content = DeadLetter(topic, 3, 8194, 2, reason, "the detail", b"k", value)
    found = read_letter(Place(1, 7), at, content.body(), content.headers())
    assert found is not None
    return found
