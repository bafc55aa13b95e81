"""The table of topics."""

import pytest

from connectors.kafka.clients import LARGEST_SNAPSHOT
from connectors.kafka.topics import TopicNames
from streams.topics.specs import TOPICS, TopicSpec, specs


def spec(short_name: str, **partitions: int) -> TopicSpec:
    """Return a row of the table with these numbers of partitions."""
    return next(one for one in specs(partitions) if one.short_name == short_name)


def test_each_topic_has_its_own_name() -> None:
    """With the prefix."""
    names = [one.name(TopicNames("p.")) for one in TOPICS]
    assert len(set(names)) == len(names)
    assert all(name.startswith("p.") for name in names)


def test_nothing_that_a_replay_needs_is_compacted() -> None:
    """Only the newest value of these is of use."""
    compacted = {one.short_name for one in TOPICS if one.config["cleanup.policy"] == "compact"}
    assert compacted == {"policies", "snapshots", "status"}
    assert "retention.ms" not in spec("snapshots").config
    assert spec("journal").config["retention.ms"] == "2592000000"
    timed = {one.short_name for one in TOPICS if one.config.get("message.timestamp.type") == "LogAppendTime"}
    assert timed == {"events", "journal"}
    assert spec("snapshots").config["max.message.bytes"] == str(LARGEST_SNAPSHOT)


def test_snapshots_have_as_many_partitions_as_the_journal() -> None:
    """Their partition n is for the journal's partition n."""
    assert spec("journal").partitions == spec("snapshots").partitions
    assert (spec("journal", journal=9).partitions, spec("snapshots", journal=9).partitions) == (9, 9)
    assert spec("events", journal=9).partitions == spec("events").partitions


@pytest.mark.parametrize(
    ("partitions", "message"),
    [
        ({"event": 3}, "no topic 'event'; topics are events"),
        ({"events": 0}, "events must have at least 1 partition"),
        ({"audit": 2}, "audit must have 1 partition"),
        ({"snapshots": 2}, "give the number for journal"),
        ({"journal": 3, "snapshots": 2}, "give the number for journal"),
    ],
)
def test_numbers_that_cannot_be_are_refused(partitions: dict[str, int], message: str) -> None:
    """With the reason."""
    with pytest.raises(ValueError, match=message):
        specs(partitions)
