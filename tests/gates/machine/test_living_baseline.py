"""Whether there is a baseline to roll back to: what counts as a sign of life, and for how long."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gates.machine.living_baseline import baseline_gone
from gates.machine.rollout import Moment, RolloutState, Started
from gates.machine.step import start
from gates.rules import FIRST
from gates.telemetry import CohortTelemetry
from gates.verdicts import Evaluation
from tests.gates.pane_builders import T0, policy

MINUTE = 60_000


def state(weight: str = "10%", **changes: Any) -> RolloutState:
    """A rollout at its only stage, ordered at T0; telemetry may be missing for 30 s before it holds."""
    known = policy(
        {"errors": {"sli": "error_rate", "limit": "20%"}},
        stages=[{"name": "only", "weight": weight, "bake": "10m"}],
        **changes,
    )
    return start(None, Started(known, "ada", ""), Moment(T0, T0, T0, (0, 0))).state


def pane(end: int, alive_at: int | None, requests: int = 0) -> Evaluation:
    """A pane that ends `end` after T0, where the baseline was last alive at `alive_at` after T0."""
    return Evaluation(
        T0 + end - 1_000,
        T0 + end,
        (),
        0,
        (),
        broken=False,
        trusted=True,
        completeness=1.0,
        telemetry={"stable": CohortTelemetry(requests)} if requests else {},
        baseline_alive_at=None if alive_at is None else T0 + alive_at,
    )


def test_a_baseline_with_a_recent_success_is_alive() -> None:
    """Up to hold_after without a successful request it is; from then on it is gone, with the figures."""
    assert baseline_gone(state(), pane(MINUTE + 29_999, MINUTE)) == ""
    assert (
        baseline_gone(state(), pane(MINUTE + 30_000, MINUTE))
        == "stable has had no successful request for 30s (allowed: 30s, hold_after)"
    )


def test_thin_traffic_is_not_a_dead_baseline() -> None:
    """With a request in 20 s on average, a gap of a minute is common; one of five usual gaps is not."""
    thin = 10 * MINUTE
    assert baseline_gone(state(), pane(thin, thin - MINUTE, requests=30)) == ""
    assert (
        baseline_gone(state(), pane(thin, thin - 101_000, requests=30))
        == "stable has had no successful request for 1m41s (allowed: 1m40s, its usual gap)"
    )


def test_after_one_request_the_usual_gap_is_bounded() -> None:
    """A mean of one gap grows with the silence; without the bound by pause_after the baseline would never be gone."""
    assert baseline_gone(state(), pane(4 * MINUTE, 0, requests=1)) == ""
    assert "for 5m (allowed: 5m, its usual gap)" in baseline_gone(state(), pane(5 * MINUTE, 0, requests=1))


def test_at_all_traffic_only_heartbeats_that_ended_show_it() -> None:
    """The baseline has no requests by order: without heartbeats nothing shows that it is gone."""
    assert baseline_gone(state("100%"), pane(60 * MINUTE, None)) == ""
    assert baseline_gone(state("100%"), pane(60 * MINUTE, 59 * MINUTE)) == ""
    assert (
        baseline_gone(state("100%"), pane(60 * MINUTE, 58 * MINUTE))
        == "no instance of stable has sent a heartbeat for 2m (allowed: 2m)"
    )


@pytest.mark.parametrize(
    "known", [state(rollback_needs_baseline=False), replace(state(), rules=FIRST)], ids=["policy", "rules"]
)
def test_who_does_not_ask_is_not_refused(known: RolloutState) -> None:
    """A policy may switch the rule off, and an epoch of the first rules never had it."""
    assert baseline_gone(known, pane(60 * MINUTE, 0)) == ""
