"""Events that cannot be read still belong to a rollout and a cohort, where these names can be read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from connectors.decoders import Unreadable
from connectors.decoders.native import MAX_FAULTS, NativeDecoder
from connectors.decoders.native_unreadable import unreadable_in

TS = 1767225600123
GOOD: dict[str, Any] = {"ts": TS, "rollout": "r", "cohort": "c", "status": 200, "latency_ms": 1.5}
AT_ITS_TIME = Unreadable("r", "c", TS)
WITHOUT_TIME = Unreadable("r", "c")
WITHOUT_COHORT = Unreadable("r", "", TS)


def written(**changes: Any) -> bytes:
    """Write the good event with some fields changed, or left out where the change is `...`."""
    return json.dumps({name: value for name, value in (GOOD | changes).items() if value is not ...}).encode()


def decode(value: bytes, **limits: int) -> list[Unreadable]:
    """Return the unreadable events of a message."""
    return NativeDecoder().decode(value, **limits).unreadable


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (written(latency_ms="fast"), AT_ITS_TIME),
        (written(latency_ms=-1), AT_ITS_TIME),
        (written(latency_ms=float("nan")), AT_ITS_TIME),
        (written(latency_ms=float("-inf"), metrics={"cost": float("inf")}), AT_ITS_TIME),
        (written(status=999), AT_ITS_TIME),
        (written(status="ok?"), AT_ITS_TIME),
        (written(outcome="fine"), AT_ITS_TIME),
        (written(status=...), AT_ITS_TIME),
        (written(ts="2026-01-01T00:00:00.123Z", status=7), AT_ITS_TIME),
        (written(ts=1767225600), WITHOUT_TIME),
        (written(ts="9999-12-31T23:59:59Z"), WITHOUT_TIME),
        (written(ts=...), WITHOUT_TIME),
        (written(ts=None), WITHOUT_TIME),
        (written(ts=[TS]), WITHOUT_TIME),
        (written(status=7, synthetic=True), Unreadable("r", "c", TS, synthetic=True)),
        (written(status=7, synthetic="yes"), AT_ITS_TIME),
        (written(status=7)[:-1] + b', "user": "\xe9"}', AT_ITS_TIME),
        (written(latency_ms=1)[:-3], WITHOUT_TIME),
        (written(cohort="c\u00e9")[:-3], Unreadable("r", "cé")),
        (b'{"cohort":"c","rollout" : "r","context":' + b"[" * 5_000, WITHOUT_TIME),
        (written(cohort=7), WITHOUT_COHORT),
        (written(cohort=["c"]), WITHOUT_COHORT),
        (written(cohort="c" * 129), WITHOUT_COHORT),
        (written(cohort="", status=7), WITHOUT_COHORT),
        (written(cohort=None, ts=1), Unreadable("r", "")),
        (written(cohort=..., status=7, synthetic=True), Unreadable("r", "", TS, synthetic=True)),
        (b'{"rollout":"r","cohort":"can', Unreadable("r", "")),
        (b'{"rollout":"r","cohort":"\xff","sta', Unreadable("r", "")),
        (b'{"rollout":"r","cohort":"' + b"c" * 129 + b'","sta', Unreadable("r", "")),
    ],
)
def test_whose_an_event_is(raw: bytes, found: Unreadable) -> None:
    """Wrong values, no numbers, bytes that are no text, lines that are cut off: rollout and cohort suffice."""
    assert decode(raw) == [found]


@pytest.mark.parametrize(
    "raw",
    [
        b"oops",
        b"[7, {}]",
        written(rollout=7),
        written(rollout="r" * 129, latency_ms="-"),
        written(rollout="r", cohort=...),
        written(cohort=""),
        written(cohort="", status=7, emitter="pod-1", heartbeat=True),
        b'{"rollout":"r',
        b'{"cohort":"c","status":7,',
        written(status=7, ts="-", emitter="pod-1", heartbeat=True),
    ],
)
def test_nobodys(raw: bytes) -> None:
    """Without a rollout there is nobody to count for; a heartbeat is nothing, and a missing cohort alone is counted."""
    assert decode(raw) == []


def test_good_elements_are_not_unreadable() -> None:
    """In an array and in NDJSON, each element is looked at alone."""
    for value in (
        b"[" + b",".join([written(), written(status=7), written()]) + b"]",
        b"\n".join([written(), written(status=7), written()]),
    ):
        assert decode(value) == [AT_ITS_TIME]


def test_all_events_of_a_broken_message_are_unreadable() -> None:
    """The good ones among them were not counted either."""
    other = written(cohort="stable")
    assert decode(b"[" + written(latency_ms=float("nan")) + b"," + other + b"]") == [
        AT_ITS_TIME,
        Unreadable("r", "stable", TS),
    ]
    assert decode(b"[" + written() + b"," + other + b",") == [WITHOUT_TIME, Unreadable("r", "stable")]
    assert decode(b"\n".join([written(), other]), max_bytes=len(other)) == [WITHOUT_TIME]


def test_events_without_a_cohort_among_others() -> None:
    """Each counts once: as untagged if nothing else is wrong, else as unreadable."""
    found = NativeDecoder().decode(
        b"\n".join([written(), written(cohort=...), written(cohort=7), written(cohort=None)])
    )
    assert (len(found.counted), found.unreadable) == (3, [WITHOUT_COHORT])
    cut = b'[{"rollout":"r","cohort":7},{"rollout":"r","cohort":"c"},{"rollout":"s","coh'
    assert decode(cut) == [Unreadable("r", ""), WITHOUT_TIME, Unreadable("s", "")]


def test_each_element_counts_beyond_the_faults_that_are_listed() -> None:
    """A message has one fault for all those beyond the limit, and an unreadable event for each."""
    assert len(decode(b"\n".join([written(status=7)] * (MAX_FAULTS + 5)))) == MAX_FAULTS + 5


@given(st.binary(max_size=60), st.integers(0, 200))
def test_any_bytes_are_looked_at(tail: bytes, cut: int) -> None:
    """Whatever follows the names, nothing is raised, and there is at most the one event."""
    assume(b'"rollout"' not in tail and b'"cohort"' not in tail)  # else the last name counts, as in any JSON
    raw = b'{"rollout":"r","cohort":"c",' + written()[cut:] + tail
    assert {(found.rollout, found.cohort) for found in unreadable_in(raw)} <= {("r", "c")}
