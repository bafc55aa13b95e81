"""The order of the rules: of several signals that apply to one pane the gravest counts."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from gates.decisions import Action
from gates.machine.rollout import Moment, Pending, RolloutState, Started
from gates.machine.signals import PANE_RULES, gravest_signal, missing, unconfirmed
from gates.machine.step import start
from gates.machine.transitions import Phase, Signal
from gates.rules import FIRST
from gates.telemetry import CohortTelemetry
from gates.verdicts import Evaluation, Measurement, Verdict, VerdictKind
from tests.gates.pane_builders import T0, policy

NONE = Measurement(100, 0.0)
FAIL = Verdict("a", VerdictKind.FAIL, "a: fails", (T0, T0 + 1_000), NONE, NONE, absolute=True)
PASS = replace(FAIL, kind=VerdictKind.PASS, reason="a: passes", absolute=False)
GOOD: dict[str, Any] = {"silent_ms": 0, "silent_cohorts": (), "broken": False, "trusted": True, "completeness": 1.0}
SILENT: dict[str, Any] = {"silent_cohorts": ("canary",)}
INCOMPLETE: dict[str, Any] = {
    "trusted": False,
    "untrusted_ms": 30_000,
    "on_time": 0.25,
    "least_complete": "canary",
}


def state(**progress: Any) -> RolloutState:
    """A confirmed stage of 3 s."""
    known = policy(
        {"a": {"sli": "error_rate", "limit": "20%"}},
        stages=[{"name": "tenth", "weight": "10%", "bake": "3s", "timeout": "5m"}],
        no_data={"hold_after": "30s", "pause_after": "5m"},
    )
    found = start(None, Started(known, "ada", ""), Moment(T0, T0, T0, (0, 0))).state
    return replace(found, pending=None, progress=replace(found.progress, confirmed_at=T0, **progress))


def signal(known: RolloutState, *verdicts: Verdict, **fields: Any) -> tuple[Signal, str]:
    """The signal of one pane."""
    pane = Evaluation(T0, T0 + 1_000, verdicts or (PASS,), **(GOOD | fields))
    return gravest_signal(known, pane, missing(known, pane))


# each applies to its pane together with all that follow it here
GRAVE_FIRST: list[tuple[Signal, tuple[Verdict, ...], dict[str, Any]]] = [
    (Signal.BASELINE_GONE, (FAIL,), {"baseline_alive_at": T0 - 29_000}),  # FAILING does not apply then
    (Signal.FAILING, (FAIL,), {}),
    (Signal.SHARED_CAUSE, (replace(FAIL, baseline_beyond=True),), {}),
    (Signal.FAIL_PAUSES, (replace(FAIL, on_fail="pause"),), {}),
    (Signal.BROKEN, (), {"broken": True}),
    (Signal.SILENT_LONG, (), {"silent_ms": 300_000, **SILENT}),
    (Signal.FAIL_HOLDS, (replace(FAIL, on_fail="hold"),), {}),
    (Signal.BASELINE_BURNING, (replace(PASS, baseline_beyond=True),), {}),
    (Signal.SILENT, (), {"silent_ms": 30_000, **SILENT}),
    (Signal.INCOMPLETE, (), {"trusted": False, "untrusted_ms": 30_000}),
    (Signal.DOUBTED, (), {"doubts": ("no split",)}),
]


@pytest.mark.parametrize(("graver", "milder"), list(pairwise(GRAVE_FIRST)), ids=lambda case: str(case[0]))
def test_the_graver_of_two_counts(graver: Any, milder: Any) -> None:
    """Whatever else is true of the same pane."""
    for expected, verdicts, fields in (graver, milder):
        assert signal(state(), *verdicts, **fields)[0] is expected
    both = {**milder[2], **graver[2]}
    assert signal(state(), *graver[1], *milder[1], **both)[0] is graver[0]


def test_a_failing_comparison_beside_a_broken_baseline_explains_the_hold() -> None:
    """It outranks a check that only holds, and does not roll back."""
    worse = replace(FAIL, name="b", reason="b: worse", absolute=False, rejected=True)
    burning = replace(PASS, baseline_beyond=True)
    found, reason = signal(state(), burning, worse, replace(FAIL, name="c", on_fail="hold"))
    assert found is Signal.BASELINE_BURNING
    assert reason.startswith("b: worse; baseline stable breaks the limit of a, so the cause is likely not canary")


def test_a_problem_of_the_candidate_is_not_hidden_by_a_missing_ack() -> None:
    """An order without an ack is the mildest problem, and outranks every passed stage."""
    waiting = replace(state(baked_ms=3_000), pending=Pending(1, T0, T0, T0, rounds=1))
    assert signal(waiting)[0] is Signal.UNCONFIRMED
    assert signal(waiting, doubts=("no split",))[0] is Signal.DOUBTED


@pytest.mark.parametrize(
    ("progress", "fields", "expected", "reason"),
    [
        ({}, {}, Signal.STEADY, "no problem is left; stage tenth continues to bake"),
        (
            {"timed_from": T0 - 300_000},
            {},
            Signal.TIMED_OUT,
            "stage tenth timed out after 5m: it has baked 0s of 3s; resume (this restarts the timeout), "
            "roll back or promote",
        ),
        (
            {"baked_ms": 3_000},
            {"trusted": False, "on_time": 0.9, "completeness": 0.9},
            Signal.UNDECIDED,
            "stage tenth has baked 3s and waits for complete telemetry: telemetry is 90% complete, "
            "needs 99% (min_completeness)",
        ),
        (
            {"baked_ms": 3_000},
            {
                "trusted": False,
                "on_time": 0.25,
                "telemetry": {"canary": CohortTelemetry(100, 300)},
                "least_complete": "canary",
            },
            Signal.UNDECIDED,
            "stage tenth has baked 3s and waits for complete telemetry: canary's telemetry is 25% complete (300 of 400 "
            "events of stage tenth arrived too late), needs 99% (min_completeness)",
        ),
        (
            {},
            {**INCOMPLETE, "telemetry": {"canary": CohortTelemetry(100, unreadable=300)}},
            Signal.INCOMPLETE,
            "canary's telemetry is 25% complete (300 of 400 events of stage tenth could not be read), needs 99% "
            "(min_completeness); the rollout resumes when it is; read the dead letters (sluicegate dlq list)",
        ),
        (
            {},
            {**INCOMPLETE, "telemetry": {"canary": CohortTelemetry(100, late=1, refused=299, clamped=2)}},
            Signal.INCOMPLETE,
            "canary's telemetry is 24.5% complete (1 of 400 events of stage tenth arrived too late, 299 were refused "
            "for lack of room, 2 had times too far ahead), needs 99% (min_completeness); the rollout resumes when it "
            "is; check which rollouts, cohorts and times producers name",
        ),
        (
            {},
            {**INCOMPLETE, "on_time": 1.0, "telemetry": {"canary": CohortTelemetry(100_000, unreadable=1)}},
            Signal.INCOMPLETE,
            "telemetry is incomplete: a source partition has not reported (100% so far); the rollout resumes when it "
            "is; check ingest lag and producers' clocks",
        ),
        (
            {},
            {"silent_ms": 30_000, **SILENT, "telemetry": {"canary": CohortTelemetry(0, unreadable=300, refused=2)}},
            Signal.SILENT,
            "canary has had no requests for 30s, and 302 of its events in this stage could not be counted (hold_after "
            "30s); the rollout resumes when requests return",
        ),
        (
            {},
            {
                "silent_ms": 30_000,
                "silent_cohorts": ("canary", "stable"),
                "telemetry": {"canary": CohortTelemetry(0), "stable": CohortTelemetry(0, unreadable=4)},
            },
            Signal.SILENT,
            "canary and stable have had no requests for 30s, and 4 of their events in this stage could not be counted "
            "(hold_after 30s); the rollout resumes when requests return",
        ),
        (
            {"baked_ms": 3_000},
            {"trusted": False},
            Signal.UNDECIDED,
            "stage tenth has baked 3s and waits for complete telemetry: telemetry is incomplete: a source partition "
            "has not reported (100% so far)",
        ),
        (
            {"baked_ms": 3_000, "timed_from": T0 - 300_000},
            {"trusted": False, "on_time": 0.9, "completeness": 0.9},
            Signal.TIMED_OUT,
            "stage tenth timed out after 5m: it waits for complete telemetry: telemetry is 90% complete, "
            "needs 99% (min_completeness); resume (this restarts the timeout), roll back or promote",
        ),
        (
            {"baked_ms": 3_000, "timed_from": T0 - 300_000},
            {},
            Signal.PASSED_LAST,
            "stage tenth passed after 3s: a: passes",
        ),
        ({"baked_ms": 3_000}, {}, Signal.PASSED_LAST, "stage tenth passed after 3s: a: passes"),
    ],
)
def test_a_sound_stage(progress: dict[str, Any], fields: dict[str, Any], expected: Signal, reason: str) -> None:
    """The signal and the reason of a stage on which nothing fails."""
    assert signal(state(**progress), **fields) == (expected, reason)


def test_a_stage_that_only_lacks_approval_waits_for_it() -> None:
    """A person who is late does not time the stage out, or the approval would then be refused; rules 1 did so."""
    known = state(baked_ms=3_000)
    stages = tuple(stage.model_copy(update={"approval": True}) for stage in known.policy.stages)
    waiting = replace(known, policy=known.policy.model_copy(update={"stages": stages}))
    assert signal(waiting)[0] is Signal.AWAITING
    late = replace(waiting, progress=replace(waiting.progress, timed_from=T0 - 300_000))
    assert signal(late)[0] is Signal.AWAITING
    assert signal(replace(late, rules=FIRST)) == (
        Signal.TIMED_OUT,
        "stage tenth timed out after 5m: approval is missing; resume (this restarts the timeout), then approve",
    )


def test_an_advance_waits_for_an_actuator() -> None:
    """A stage whose weights nobody confirmed lacks that, and not requests, whatever the verdicts are."""
    unconfirmed = replace(state(), progress=replace(state().progress, confirmed_at=None))
    assert missing(unconfirmed, Evaluation(T0, T0 + 1_000, (PASS,), **GOOD)) == ("an actuator to confirm its weights")


def test_a_second_pause_for_the_same_silence_says_so() -> None:
    """Requests are still missing on the first pane after an operator's resume."""
    known = state(timed_from=T0)
    assert known.last is not None
    resumed = replace(known, last=replace(known.last, action=Action.RESUME, by="ada"))
    found, reason = signal(resumed, silent_ms=300_000, **SILENT)
    assert found is Signal.SILENT_LONG
    assert "the silence began before the resume); paused again" in reason
    _, first = signal(known, silent_ms=300_000, **SILENT)
    assert first.startswith("canary has had no requests for 5m (pause_after 5m); weights stay;")


def test_every_signal_of_a_pane_has_its_rule() -> None:
    """The rules and the signals name each other, and the last rule always applies."""
    signals = list(Signal)
    assert {signal for signal, _ in PANE_RULES} == set(signals[signals.index(Signal.FAILING) :])
    assert PANE_RULES[-1][0] is Signal.PASSED


def test_a_shared_cause_rolls_back_where_the_policy_orders_it() -> None:
    """By a broken limit alone; a comparison that fails while the baseline breaks a limit holds all the same."""
    known = state()
    written = {**known.policy.document(), "on_shared_cause": "rollback"}
    rolling = replace(known, policy=type(known.policy).parse(written))
    shared = replace(FAIL, baseline_beyond=True)
    found, reason = signal(rolling, shared)
    assert found is Signal.FAILING
    assert reason == "a: fails; the cause is likely shared (on_shared_cause rollback)"
    assert signal(rolling, shared, replace(FAIL, name="b", reason="b: fails")) == (Signal.FAILING, "b: fails")
    worse = replace(FAIL, name="b", absolute=False, rejected=True)
    assert signal(rolling, replace(PASS, baseline_beyond=True), worse)[0] is Signal.BASELINE_BURNING
    assert signal(known, shared)[0] is Signal.SHARED_CAUSE


def test_nothing_to_roll_back_to_is_explained() -> None:
    """The reason has what fails, why it was not rolled back, and what to do."""
    found, reason = signal(state(), FAIL, baseline_alive_at=T0 - 29_000)
    assert found is Signal.BASELINE_GONE
    assert reason == (
        "a: fails; not rolled back, because stable has had no successful request for 30s (allowed: 30s, hold_after); "
        "weights stay; check stable; if it is back while the check still fails, the gate rolls back"
    )


def test_an_advance_waits_for_traffic_as_ordered() -> None:
    """The share may be off by chance, so nothing is held; but nothing advances either."""
    split = "canary got 75% of the requests (1,050 of 1,400), ordered 25% (split)"
    evaluation = Evaluation(T0, T0 + 1_000, (PASS,), **GOOD | {"unsettled": split})
    assert missing(state(), evaluation) == f"traffic to be split as ordered: {split}"


def test_only_an_order_can_be_unconfirmed() -> None:
    """Without one there is nothing to confirm."""
    with pytest.raises(ValueError, match="only an order"):
        unconfirmed(replace(state(), order=None))


@pytest.mark.parametrize(
    ("phase", "stage", "expected"),
    [
        (Phase.BAKING, {}, Signal.STEADY),
        (Phase.HELD, {}, Signal.UNDECIDED),
        (Phase.HELD, {"approval": True}, Signal.AWAITING),
    ],
)
def test_a_second_without_a_request_passes_nothing_and_ends_no_wait(
    phase: Phase, stage: dict[str, Any], expected: Signal
) -> None:
    """A stage that bakes goes on, one that waits for a person goes on to wait; silence never counts as a pass."""
    known = replace(state(baked_ms=3_000), phase=phase, cause=Signal.UNDECIDED)
    stages = tuple(each.model_copy(update=stage) for each in known.policy.stages)
    known = replace(known, policy=known.policy.model_copy(update={"stages": stages}))
    evaluation = Evaluation(T0, T0 + 1_000, (PASS,), **GOOD)
    gap = "requests: canary has had no requests for 1s"
    found, reason = gravest_signal(known, evaluation, "", gap=gap)
    assert found is expected
    assert reason.endswith(gap) is (expected is not Signal.AWAITING)


def test_a_doubt_that_is_gone_is_waited_out() -> None:
    """A share at the edge of the tolerance would otherwise hold and resume, and page each time."""
    held = replace(state(missing_until=T0 - 9_000), phase=Phase.HELD, cause=Signal.DOUBTED)
    assert signal(held) == (
        Signal.DOUBTED,
        "traffic has been split as ordered for 10s; the rollout resumes after 30s",
    )
    assert signal(replace(held, progress=replace(held.progress, missing_until=T0 - 29_000)))[0] is Signal.STEADY
