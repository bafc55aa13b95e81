"""The content of a message: what of it counts."""

from __future__ import annotations

from typing import get_args

from connectors.decoders.decoded import REASONS, Decoded, Fault, Reason
from connectors.decoders.event import RequestEvent


def an_event(cohort: str) -> RequestEvent:
    """Return a plain request."""
    return RequestEvent(ts_ms=1_767_225_600_000, rollout="r", cohort=cohort, status=200, latency_ms=1.0)


def test_what_lacks_only_a_cohort_counts() -> None:
    """Events come first, then the faults that have an event; other faults do not count."""
    events, untagged = [an_event("stable"), an_event("canary")], an_event("")
    faults = [Fault("bad_json", "broken", b"{", 0), Fault("missing_field", "cohort: absent", b"{}", 1, untagged)]
    assert Decoded(events, faults).counted == [*events, untagged]
    assert events == [an_event("stable"), an_event("canary")]


def test_reasons_are_a_closed_set() -> None:
    """Each reason is a value of a metrics label: listed once, and a plain word."""
    assert get_args(Reason) == REASONS
    assert len(set(REASONS)) == len(REASONS)
    assert all(reason.isidentifier() and reason.islower() for reason in REASONS)
