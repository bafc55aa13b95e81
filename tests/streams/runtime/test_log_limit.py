"""One line a second of each kind, and none of the messages is left out of their number."""

from __future__ import annotations

from streams.runtime.log_limit import LogLimit


def test_each_kind_has_its_own_second() -> None:
    """The first line comes at once."""
    clock = iter((5.0, 5.0, 5.5, 6.2, 6.3))
    limit = LogLimit(clock.__next__)
    lines = (("a", 2), ("b", 1), ("a", 3), ("a", 4), ("b", 1))
    assert [limit.due(kind, number) for kind, number in lines] == [2, 1, 0, 7, 1]
