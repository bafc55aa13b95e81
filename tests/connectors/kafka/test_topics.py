"""The names of the topics."""

import pytest

from connectors.kafka.topics import TopicNames

PROPERTIES = [name for name, value in vars(TopicNames).items() if isinstance(value, property)]


def test_a_prefix_is_before_every_name() -> None:
    """And no two topics have the same name."""
    plain, mine = ([getattr(names, each) for each in PROPERTIES] for names in (TopicNames(), TopicNames("mine.")))
    assert mine == [f"mine.{name}" for name in plain]
    assert len(set(plain)) == len(PROPERTIES) == 11


@pytest.mark.parametrize("prefix", ["a/", "a b", "\u00e9", "a:", "a\n"])
def test_a_prefix_that_kafka_does_not_allow(prefix: str) -> None:
    """Letters, digits, dots, dashes and underscores only."""
    with pytest.raises(ValueError, match="write letters, digits, dots"):
        TopicNames(prefix)
