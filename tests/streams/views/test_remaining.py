"""How long what is still needed takes, and who has to confirm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from streams.views.remaining import (
    check_left,
    cohorts_needed,
    events_left,
    passes_left,
    rate,
    requests_left,
)
from tools.topics_page import examples

Document = Mapping[str, Any]


@pytest.fixture
def status() -> dict[str, Any]:
    """A first stage, where the canary has 20 of 50 requests, at two a second."""
    return dict(examples.status())


def with_needs(status: Document, **needs: Any) -> dict[str, Any]:
    """The status with other needs."""
    return {**status, "needs": {**status["needs"], **needs}}


def test_requests_come_at_the_present_rate(status: dict[str, Any]) -> None:
    """Of the cohort that needs longest; where it has none, never; nothing is known of an older status."""
    assert (rate(status, "canary"), rate(status, "nobody")) == (2.0, 0.0)
    assert requests_left(status) == 15.0
    assert requests_left(with_needs(status, requests={"canary": 50, "stable": 0})) == pytest.approx(50.0 / 18.0)
    assert requests_left(with_needs(status, requests={"canary": 50, "stable": 180})) == 0.0
    assert requests_left({key: value for key, value in status.items() if key != "needs"}) == 0.0
    idle = {**status["slis"], "canary": {**status["slis"]["canary"], "requests": 0}}
    assert requests_left(status | {"slis": idle}) == float("inf")


def test_evidence_takes_its_time_as_well(status: dict[str, Any]) -> None:
    """Whichever is longer; nothing of a check that fails."""
    weak = {"name": "errors", "verdict": "INCONCLUSIVE"}
    assert check_left(with_needs(status, pass_s={"errors": 250.0}), weak) == "; about 4m more at the present traffic"
    assert check_left(with_needs(status, pass_s={"errors": 1.0}), weak) == "; about 15s more at the present traffic"
    assert check_left(with_needs(status, pass_s={"errors": None}), weak) == "; it never passes at the present traffic"
    assert check_left(with_needs(status, requests={}), weak) == ""
    assert check_left(status, weak | {"verdict": "FAIL"}) == ""
    against = weak | {"e_value": 24.8}  # no number of requests shows that it is good
    assert check_left(with_needs(status, pass_s={"errors": 250.0}), against) == ""


def test_passes_take_a_pane_each(status: dict[str, Any]) -> None:
    """Where the status has the length of a pane."""
    passes = {"so_far": 1, "needed": 3}
    assert passes_left(with_needs(status, pane_ms=5_000) | {"passes": passes}) == "; 10s at least"
    assert passes_left({"passes": passes}) == ""


def test_lost_events_are_made_up_for(status: dict[str, Any]) -> None:
    """Two of 102 are 1.96%: 98 more events without a loss, at two a second."""
    known = {**status["telemetry"], "canary": {"requests": 100, "late": 2, "completeness": 100 / 102}}
    assert events_left(status | {"telemetry": known}, "canary") == "; 98 more events without a loss, about 49s"
    idle = {**status["slis"], "canary": {**status["slis"]["canary"], "requests": 0}}
    assert events_left(status | {"telemetry": known, "slis": idle}, "canary") == (
        "; 98 more events without a loss, and there are none now"
    )
    assert events_left(status | {"telemetry": known, "min_completeness": 1.0}, "canary") == ""
    assert events_left(status, "canary") == events_left(status, "nobody") == ""


def test_with_all_the_traffic_the_baseline_is_not_needed(status: dict[str, Any]) -> None:
    """There is none."""
    assert cohorts_needed(status) == ("canary", "stable")
    assert cohorts_needed(status | {"stage_index": 1}) == ("canary",)
