"""The prototype in C counts what the decoder in Python counts, or leaves it to it."""

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.ingest.peers.counting_c import LANES, Counting, compiler
from connectors.decoders import CLASS_INDEX
from connectors.decoders.registry import decoder
from gates.stats.histogram import bucket_indices

pytestmark = pytest.mark.skipif(compiler() is None, reason="there is no C compiler")

BEGAN = 1_767_225_600_000
EVENTS = st.fixed_dictionaries(
    {
        "ts": st.integers(BEGAN, BEGAN + 5_000),
        "rollout": st.sampled_from(["checkout", "search", "söarch", ""]),
        "cohort": st.sampled_from(["stable", "canary"]),
        "status": st.sampled_from([200, 404, 503, 99, 600]),
        "latency_ms": st.one_of(st.integers(0, 10_000), st.floats(0, 1e6), st.decimals(0, 500, places=2).map(float)),
    },
    optional={
        "user": st.sampled_from(["ann", None]),
        "route": st.sampled_from(["/a", 'a"b', 3, -1, True, [1], {"a": None}]),
        "ready": st.none(),
    },
)
VALUES = st.lists(
    st.one_of(
        st.lists(EVENTS, min_size=1, max_size=3).map(lambda events: "\n".join(map(json.dumps, events)).encode()),
        EVENTS.map(lambda event: json.dumps(event, separators=(",", ":")).encode() + b" "),
        st.sampled_from([b"", b"{", b"null", b'{"ts":1,"ts":2}', b"\xff", b"[]", b"{}\n\n{}"]),
    ),
    min_size=1,
    max_size=20,
)


def a_fetch(values: list[bytes]) -> bytes:
    """Kafka's answer with these in one batch."""
    batch = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 20)
    for offset, value in enumerate(values):
        assert batch.append(offset, BEGAN, b"key", value, []) is not None
    return bytes(batch.build())


@settings(max_examples=60, deadline=None)
@given(VALUES)
def test_what_is_counted_in_c_is_what_python_counts(values: list[bytes]) -> None:
    """By outcome and by bucket; and what is left to Python is left whole."""
    counting = Counting()
    following, events, left = counting.take(a_fetch(values), 0)
    taken = list((Counter(values) - Counter(left)).elements())
    decoded = [decoder().decode(value) for value in taken]
    assert following == len(values)
    assert not any(one.faults for one in decoded)
    found = [event for one in decoded for event in one.events]
    assert events == len(found)
    expected = Counter(CLASS_INDEX[event.outcome or event.status] for event in found)
    assert counting.requests.sum(axis=0).tolist() == [expected[lane] for lane in range(LANES)]
    assert sum(counting.latencies.values()) == len(found)
    assert Counter(_buckets(found)) == _by_bucket(counting)


def test_most_events_are_not_left() -> None:
    """Events as docs/events.md describes them are counted in C."""
    event = {"ts": BEGAN, "rollout": "checkout", "cohort": "canary", "status": 200, "latency_ms": 12.7, "route": "/a"}
    assert Counting().take(a_fetch([json.dumps(event).encode()] * 3), 1) == (3, 2, [])


def _buckets(found: list[Any]) -> list[int]:
    indices: list[int] = bucket_indices(
        np.array([event.latency_ms for event in found], dtype=np.float64) / 1000.0
    ).tolist()
    return indices


def _by_bucket(counting: Counting) -> Counter[int]:
    buckets: Counter[int] = Counter()
    for place, number in counting.latencies.items():
        buckets[place % 1_408] += number
    return buckets
