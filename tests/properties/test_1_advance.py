"""Never advance or promote without every required check PASS on data from the current stage and epoch."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given

from gates.decisions import Action
from gates.machine.rollout import Acked
from gates.policy import Policy
from streams.journal import Ack, Partial, decode
from tests.properties.hand import RAISING, ByHand, a_policy, journals, raised_by_the_gate
from tests.properties.journals import (
    CANDIDATE,
    CHECKS,
    ROLLOUT,
    T0,
    Episode,
    Script,
    a_start,
    decisions,
    play,
    render,
    required,
    scripts,
)


@journals
@given(scripts())
def test_1_only_passing_every_check_advances(script: Script) -> None:
    """Each advance and promotion of the gate's own comes with every check of the policy, each required one PASS."""
    for decision in decisions(play(script)):
        if raised_by_the_gate(decision):
            found = {verdict.name: verdict.kind.value for verdict in decision.checks}
            assert found.keys() == script.policy["checks"].keys() | required(script.policy)
            assert {found[name] for name in required(script.policy)} == {"PASS"}


@journals
@given(scripts())
def test_1_who_is_asked_approves(script: Script) -> None:
    """A stage that asks for a person's approval is left with a name on the advance; doubted data advances nothing."""
    stages = script.policy["stages"]
    for step in play(script):
        for decision in step.decisions:
            if raised_by_the_gate(decision):
                index = [stage["name"] for stage in stages].index(decision.stage)
                left = stages[index if decision.action is Action.PROMOTE else index - 1]
                assert (decision.approved_by == "ada") or not left.get("approval")
                assert step.gate is not None
                assert step.gate.state.evaluation.doubts == ()


@journals
@given(scripts())
def test_1_an_advance_rests_on_its_own_stage(script: Script) -> None:
    """Since an actuator confirmed the stage: as long as its bake time, and the requests needed, recounted here."""
    policy = Policy.parse(script.policy)
    requests: Counter[int] = Counter()
    known: dict[object, Counter[int]] = {}
    confirmed: int | None = None
    seen: set[str] = set()
    for step in play(script):
        record = step.record
        if isinstance(record, Partial):  # one chunk a source: later versions replace
            known[record.source, record.start] = Counter(
                {
                    cell.start: sum(cell.counts)
                    for cell in record.cells
                    if cell.cohort == CANDIDATE and not cell.synthetic
                }
            )
            requests = sum(known.values(), Counter())
        for decision in step.decisions:
            if decision.id in seen:
                continue  # a repeat
            seen.add(decision.id)
            if raised_by_the_gate(decision):
                assert confirmed is not None
                index = [stage.name for stage in policy.stages].index(decision.stage)
                judged = policy.stages[index if decision.action is Action.PROMOTE else index - 1]
                assert decision.event_time - confirmed >= judged.bake_ms
                since = range(confirmed, decision.event_time, 1_000)
                assert sum(requests[-(-at // 1_000) * 1_000] for at in since) >= policy.min_requests
            if decision.action in (*RAISING, Action.START):
                confirmed = None
        if isinstance(record, Ack) and step.gate is not None and confirmed is None:
            confirmed = step.gate.state.progress.confirmed_at


@journals
@given(scripts())
def test_1_no_advance_while_held_by_an_operator(script: Script) -> None:
    """From an operator's pause on, nothing but that operator's word raises the candidate."""
    paused = False
    for step in play(script):
        for decision in step.decisions:
            if raised_by_the_gate(decision):
                assert not paused
            if decision.by is not None:
                paused = decision.action is Action.PAUSE


@pytest.mark.parametrize("missing", ["ack", "bake", "requests", "complete", "on time", "baseline"])
def test_1_each_condition_is_needed(missing: str) -> None:
    """Take away one condition of an advance and there is none, for however long; with all of them there is one."""
    checks = {"ratio": CHECKS["ratio"]}
    policy = a_policy(checks=checks, no_data={"hold_after": "1h", "pause_after": "2h"})
    if missing == "bake":
        policy["stages"][0]["bake"] = "1h"
    if missing == "requests":
        policy["min_requests"] = 1_000_000
    whole, lacking = ByHand(a_policy(checks=checks)), ByHand(policy, acked=missing != "ack")
    advanced: dict[bool, set[Action]] = {True: set(), False: set()}
    many = 1_000, 0
    for _ in range(120):
        advanced[True] |= set(whole.second(many, many))
        advanced[False] |= set(
            lacking.second(
                many,
                baseline=None if missing == "baseline" else many,
                complete=missing != "complete",
                late=500 if missing == "on time" else 0,
            )
        )
    assert Action.ADVANCE in advanced[True]
    assert not advanced[False] & set(RAISING)


def test_1_a_window_never_reaches_into_the_stage_before() -> None:
    """A stage whose every request is too slow never passes, however fast the stage before was."""
    stages = [{"name": "first", "weight": "10%", "bake": "60s"}, {"name": "half", "weight": "50%", "bake": "5s"}]
    slow = {"sli": "latency", "quantile": 0.5, "limit": "500ms", "window": "1m", "min_events": 1000}
    hand = ByHand(a_policy(stages=stages, checks={"slow": slow}))
    while Action.ADVANCE not in hand.second():
        pass
    hand.ack()
    assert not any(Action.PROMOTE in hand.second(latency_ms=2_000.0) for _ in range(20))


def test_1_silence_that_goes_on_is_not_baking() -> None:
    """A gap in the traffic counts as baked once a request has ended it, and never before: nobody passes in silence."""
    hand = ByHand(a_policy(no_data={"hold_after": "30s", "pause_after": "5m"}, min_requests=1))
    hand.second()
    hand.second()
    assert [hand.second(None, None) for _ in range(28)] == [[]] * 28
    assert hand.gate.state.progress.baked_ms == 2_000
    assert hand.second() == [Action.ADVANCE]


@pytest.mark.parametrize(
    "ack", [Acked(2, 1, "applied", {}, "x"), Acked(1, 0, "applied", {}, "x"), Acked(1, 1, "failed", {}, "x")]
)
def test_1_an_ack_of_something_else_confirms_nothing(ack: Acked) -> None:
    """Another epoch, an older decision, or an order not carried out: the stage is not in force."""
    hand = ByHand(a_policy(), acked=False)
    hand.gate.ack(replace(ack, weights={"stable": 90, CANDIDATE: 10}), hand.moment())
    assert hand.gate.state.progress.confirmed_at is None


def test_1_an_incomplete_pane_never_advances() -> None:
    """Baked to the last pane but one, then only incomplete panes: no advance until one is complete again."""
    hand = ByHand(a_policy())
    found = [hand.second() for _ in range(4)]
    found += [hand.second(complete=False) for _ in range(3)]
    assert found == [[]] * 7
    assert hand.second() == [Action.ADVANCE]
    late = ByHand(a_policy(no_data={"hold_after": "1h", "pause_after": "2h"}))
    assert [late.second() for _ in range(4)] == [[]] * 4
    assert late.second(late=100) == []


def test_1_an_ack_of_what_was_never_published_confirms_nothing() -> None:
    """An ack with a sequence that does not exist yet is not an answer to the stage's order."""
    hand = ByHand(a_policy(), acked=False)
    hand.gate.ack(Acked(1, 999, "applied", {"stable": 90, CANDIDATE: 10}, "x"), hand.moment())
    assert hand.gate.state.progress.confirmed_at is None


def test_1_an_ack_with_other_weights_confirms_nothing() -> None:
    """An actuator that reports applied, but observes no traffic at the candidate, has not confirmed the stage."""
    hand = ByHand(a_policy(), acked=False)
    hand.gate.ack(Acked(1, 1, "applied", {"stable": 100, CANDIDATE: 0}, "x"), hand.moment())
    assert hand.gate.state.progress.confirmed_at is None


def test_1_events_before_the_start_are_not_late() -> None:
    """A start off the grid of long panes: what happened before its first pane is neither judged nor held against it."""
    check = {"sli": "error_rate", "limit": "20%", "window": "30s", "min_events": 5}
    stages = [{"name": "only", "weight": "10%", "bake": "1m"}]
    no_data = {"hold_after": "90s", "pause_after": "5m"}
    script = Script(a_policy(pane="30s", checks={"l": check}, stages=stages, no_data=no_data), (Episode(240),))
    records = list(render(script))
    records[0] = a_start(script.policy, T0 + 1_000)
    assert [decision.action for decision in decisions(play(script, iter(records)))] == [Action.START, Action.PROMOTE]


def test_1_another_cohorts_late_events_are_not_held_against_the_stage() -> None:
    """A cohort that the policy does not compare may be as late as it likes."""
    script = Script(a_policy(no_data={"hold_after": "4s", "pause_after": "1h"}), (Episode(30), Episode(1)))
    records = list(render(script))
    late = [["shadow", T0, [0, 500, 0, 0, 0, 0, 0], [5], [500]]]
    document = {"rollout": ROLLOUT, "source": ["other", 0], "start": 0, "upto": 500, "final": True, "cells": late}
    records.insert(30, decode(json.dumps({"schema": "sluicegate.partial/v1"} | document).encode()))
    assert Action.HOLD not in {decision.action for decision in decisions(play(script, iter(records)))}
