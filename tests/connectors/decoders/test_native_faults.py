"""The fault of an element: found in the order text, JSON, event, and described in printable words."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from connectors.decoders.decoded import Fault, Reason
from connectors.decoders.event import RequestEvent
from connectors.decoders.native_faults import LONGEST_DETAIL, UNDECODABLE, fault_of

GOOD: dict[str, Any] = {"ts": 1767225600123, "rollout": "r", "cohort": "c", "status": 200, "latency_ms": 1.5}


def written(**changes: Any) -> bytes:
    """Write the good event with some fields changed, or left out where the change is `...`."""
    return json.dumps({name: value for name, value in (GOOD | changes).items() if value is not ...}).encode()


def fault(raw: bytes) -> Fault:
    """Return the fault of an element that is not an event."""
    with pytest.raises(UNDECODABLE) as caught:
        msgspec.json.decode(raw, type=RequestEvent)
    assert isinstance(caught.value, Exception)
    return fault_of(raw, caught.value, 4)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"\xff", "bad_encoding"),
        (b'{"rollout": "\xff"}', "bad_encoding"),
        (b'{"ts": 7, "rollout"', "bad_json"),
        (b"[" * 100_000, "too_deep"),
        (b"7", "not_an_object"),
        (b"{}", "missing_field"),
        (written(latency_ms="fast"), "wrong_field"),
        (written(ts=1767225600), "timestamp_in_seconds"),
        (written(ts=1767225600123000), "timestamp_in_microseconds"),
        (written(ts=1767225600123000000), "timestamp_in_nanoseconds"),
        (written(ts="soon"), "bad_timestamp"),
    ],
)
def test_reasons(raw: bytes, reason: Reason) -> None:
    """Broken JSON comes before a wrong field; the fault keeps its bytes and its index."""
    found = fault(raw)
    assert (found.reason, found.raw, found.index, found.event) == (reason, raw, 4, None)


@pytest.mark.parametrize("cohort", [..., None, ""])
def test_a_missing_cohort_leaves_an_event(cohort: object) -> None:
    """Absent, null or empty: the event can still be counted."""
    found = fault(written(cohort=cohort))
    assert found.detail.startswith("cohort: ")
    assert found.event == msgspec.structs.replace(msgspec.json.decode(written(), type=RequestEvent), cohort="")


def test_a_second_fault_leaves_no_event() -> None:
    """Without a cohort and with a wrong field there is nothing to count."""
    assert fault(written(cohort=..., status=7)).event is None


def test_details_are_cut_and_printable() -> None:
    """Details go to logs and terminals: no control characters, and not the whole value."""
    detail = fault(written(ts="\x1b" + "x" * 1_000)).detail
    assert detail.isprintable()
    assert len(detail) <= LONGEST_DETAIL
