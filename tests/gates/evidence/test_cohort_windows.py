"""The windows of both cohorts: what is fresh, what a stage counts, and when a cohort last had a request."""

from __future__ import annotations

from dataclasses import replace

from gates.evidence.cohort_windows import BaselineLife, Look, TrafficWindows
from gates.evidence_view import PaneUse
from gates.panes import CLASSES, Cell
from tests.gates.pane_builders import BASELINE, CANDIDATE, T0, cell, pane, policy

ERRORS = {"sli": "error_rate", "limit": "20%", "window": "5s"}
LOOK: Look = "real", (5_000,)


def windows(**checks: object) -> TrafficWindows:
    """The windows for these checks."""
    return TrafficWindows(policy(checks or {"errors": ERRORS}), T0)


def test_only_eligible_panes_are_fresh() -> None:
    """A pane that may support an advance is in both windows, another in one."""
    known = windows()
    known.push(pane(0, cell(10), cell(20)), PaneUse(eligible=False))
    known.push(pane(1, cell(3), cell(20)), PaneUse(eligible=True))
    view = known.view(LOOK, CANDIDATE)
    assert (view.window.requests, view.fresh.requests, view.eligible) == (13, 3, 3)


def test_a_confirmation_restarts_what_is_fresh() -> None:
    """Panes from before the confirmation support no advance; the sliding window keeps them."""
    known = windows()
    known.push(pane(0, cell(10), None), PaneUse())
    known.confirm_stage()
    assert known.view(LOOK, CANDIDATE).fresh.requests == 0
    assert known.view(LOOK, CANDIDATE).window.requests == 10


def test_a_stage_counts_from_its_order_without_its_warm_up() -> None:
    """Requests of the warm-up are in the window, and not in the stage's figures."""
    known = windows()
    known.push(pane(0, cell(10), None), PaneUse())
    known.enter_stage()
    known.push(pane(1, cell(5), None), PaneUse(eligible=False, warming=True))
    known.push(pane(2, cell(2), None), PaneUse())
    view = known.view(LOOK, CANDIDATE)
    assert (view.window.requests, view.stage.requests) == (17, 2)


def test_the_last_request_of_each_cohort() -> None:
    """The end of the last pane with a request, in any sample; the start of the rollout before."""
    known = windows(errors=ERRORS, probes={"sli": "error_rate", "limit": "20%", "traffic": "synthetic"})
    known.push(pane(0, None, cell(1), synthetic={CANDIDATE: cell(1)}), PaneUse())
    known.push(pane(1, cell(0, emitters=(1,)), cell(1)), PaneUse())
    assert known.last_request == {CANDIDATE: T0 + 1_000, BASELINE: T0 + 2_000}


def test_a_budget_reads_the_longest_window_of_its_sample() -> None:
    """It has no window of its own; its main windows are those, one of each cohort."""
    probes = {"sli": "error_rate", "limit": "20%", "traffic": "synthetic", "window": "12s"}
    checks = {"errors": ERRORS, "more": {**ERRORS, "window": "9s"}, "probes": probes}
    known = policy(checks, budget={"slo": "99%", "spend": "5%"})
    found = TrafficWindows(known, T0)
    looks = {name: found.look(definition) for name, definition in known.judged.items()}
    assert looks["errors"] == LOOK
    assert looks["probes"] == ("synthetic", (12_000,))
    assert looks["budget"] == ("real", (9_000,))
    main = found.main_windows(looks["budget"])
    assert {name: window.length_ms for name, window in main.items()} == {CANDIDATE: 9_000, BASELINE: 9_000}


def test_indicators_prefer_users_requests() -> None:
    """The longest window of users' requests; of another sample only where no check reads users' requests."""
    probes = {"sli": "error_rate", "limit": "20%", "traffic": "synthetic", "window": "7s"}
    both = windows(errors=ERRORS, more={**ERRORS, "window": "9s"}, probes=probes)
    assert both.longest(CANDIDATE).length_ms == 9_000
    assert windows(probes=probes).longest(CANDIDATE).length_ms == 7_000


def outcomes(**counts: int) -> Cell:
    """Requests with these outcomes."""
    return Cell(tuple((dict.fromkeys(CLASSES, 0) | {key.strip("_"): each for key, each in counts.items()}).values()))


def test_the_baseline_is_alive_with_any_success() -> None:
    """Of users or of probes, whatever the checks read; failures alone are no life, and neither are the candidate's."""
    known, use = windows(), PaneUse()
    assert known.baseline == BaselineLife(T0)
    known.push(pane(0, cell(9), cell(9, 8)), use)
    assert known.baseline == BaselineLife(T0 + 1_000)
    known.push(pane(1, cell(9), outcomes(_5xx=4, error=2, _4xx=3)), use)
    known.push(pane(2, cell(9), None), use)
    assert known.baseline == BaselineLife(T0 + 1_000)
    known.push(pane(3, None, outcomes(_5xx=4), synthetic={BASELINE: outcomes(_3xx=1)}), use)
    assert known.baseline == BaselineLife(T0 + 4_000)
    known.push(pane(4, None, outcomes(ok=1)), use)
    assert known.baseline == BaselineLife(T0 + 5_000)


def test_heartbeats_of_the_baseline_count_by_stage() -> None:
    """A heartbeat has an emitter and no request; those of the stage before show nothing about this one."""
    known, use = windows(), PaneUse()
    known.push(pane(0, None, cell(5, emitters=(1,))), use)
    assert known.baseline.heartbeat_at is None
    known.push(pane(1, None, cell(0, emitters=(1,))), use)
    assert known.baseline == BaselineLife(T0 + 1_000, T0 + 2_000)
    known.push(pane(2, None, cell(0)), use)
    assert known.baseline == BaselineLife(T0 + 1_000, T0 + 2_000)
    known.enter_stage()
    assert known.baseline == BaselineLife(T0 + 1_000)


def test_a_snapshot_keeps_the_signs_of_life() -> None:
    """And one of before, which has none, leaves them as at the start."""
    known, again = windows(), windows()
    known.push(pane(0, None, cell(5)), PaneUse())
    again.restore(known.state())
    assert again.baseline == known.baseline
    fresh = windows()
    fresh.restore(replace(known.state(), baseline=None))
    assert fresh.baseline == BaselineLife(T0)
