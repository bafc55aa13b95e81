"""Repeats of orders: by topic, partition and offset, and by the topic's identity."""

from __future__ import annotations

import pytest

from streams.journal import Origin
from streams.judge.seen_origins import is_repeat


@pytest.mark.parametrize(
    ("messages", "repeats"),
    [
        ("K5 K5 K4 K6", "-rr-"),
        ("K5 L0 L0 L1 K5 K6", "--r-r-"),  # made again; the topic before is still known
        ("5 5 K5 K6 K6", "-rr-r"),  # the build before has no ids
        ("K5 5 6 K6", "-r-r"),  # both at once
        ("K5 L0 0 1 L1", "--r-r"),
        ("A5 B5 C5 D5 D5 A5", "----r-"),  # only the last three are known
    ],
)
def test_repeats(messages: str, repeats: str) -> None:
    """Each message is its topic's id and its offset."""
    seen: dict[str, int] = {}
    origins = [Origin("t", 1, int(each[-1]), each[:-1]) for each in messages.split()]
    assert "".join("r" if is_repeat(seen, origin) else "-" for origin in origins) == repeats


def test_partitions_and_topics_are_apart() -> None:
    """Also those of which one begins as the other does."""
    seen: dict[str, int] = {}
    for origin in (Origin("t", 1, 5), Origin("t", 11, 3, "X"), Origin("t2", 1, 2), Origin("t", 1, 6, "X")):
        assert not is_repeat(seen, origin)
    assert seen == {"t/11/X": 3, "t2/1": 2, "t/1/X": 6}
    assert not is_repeat(seen, None)
