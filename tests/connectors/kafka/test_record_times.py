"""The time of a record, bounded on entry."""

from __future__ import annotations

import ast
from typing import NamedTuple

import pytest

from connectors.kafka.record_times import NO_TIME, record_time, record_times
from gates.text import LATEST_MS
from tests.paths import ROOT

NOW = 1_767_225_600_000

BOUNDED_ELSEWHERE = {
    "connectors/kafka/record_times.py",
    "connectors/kafka/record_batches.py",  # handed on with the record
    "connectors/kafka/private_aiokafka.py",  # the time of a fetch
    "streams/judge/recovery.py",  # for the digest of a record, which must not change
    "streams/clock.py",  # the broker's own time, in its ack of a write
}
"""Where a `timestamp` may be read."""


class Record(NamedTuple):
    """A record of which only the time matters."""

    timestamp: int


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        (NOW, NOW),
        (0, 0),
        (-1, NO_TIME),
        (-(1 << 60), NO_TIME),
        (-(10**15), NO_TIME),
        (-(1 << 63), NO_TIME),
        ((1 << 63) - 1, LATEST_MS),
    ],
)
def test_no_time_is_without_a_date(timestamp: int, expected: int) -> None:
    """Whatever a producer writes."""
    assert record_time(Record(timestamp)) == expected
    assert record_times([Record(NOW), Record(timestamp)]) == [NOW, expected]


def test_no_consumer_reads_the_raw_time() -> None:
    """Each takes it from this one place."""
    found = set()
    for package in ("connectors", "gates", "streams"):
        for path in (ROOT / package).rglob("*.py"):
            tree = ast.parse(path.read_text())
            calls = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
            for node in ast.walk(tree):
                if isinstance(node, ast.Attribute) and node.attr == "timestamp" and id(node) not in calls:
                    found.add(str(path.relative_to(ROOT)))
    assert found <= BOUNDED_ELSEWHERE
