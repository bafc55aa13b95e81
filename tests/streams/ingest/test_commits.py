"""Offsets are committed in order, once what was counted before them is written."""

from aiokafka.structs import TopicPartition

from streams.ingest.commits import Commits

FIRST, SECOND = TopicPartition("request-events", 0), TopicPartition("request-events", 1)


def test_offsets_wait_for_their_round() -> None:
    """The newest of each partition up to the round that is written; those that moved away are left out."""
    commits = Commits()
    for number, offsets in ((1, {FIRST: 10}), (2, {}), (3, {FIRST: 20, SECOND: 7}), (5, {FIRST: 30, SECOND: 8})):
        commits.add(number, offsets)
    assert commits.drain(0) == {}
    assert commits.drain(4) == {FIRST: 20, SECOND: 7}
    assert commits.drain(4) == {}
    commits.forget({FIRST})
    assert commits.drain(5) == {SECOND: 8}
