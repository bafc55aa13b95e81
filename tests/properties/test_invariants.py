"""The safety invariants, each over random journals folded by the real judge, or over panes given to the real gate."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.decoders import decode as decode_events
from gates.decisions import Action, Decision
from gates.gate import Gate
from gates.panes import CLASSES, Cell, Pane
from gates.policy import Policy, PolicyError
from gates.rollout import Acked, Controlled, Moment, Started
from gates.stats.histogram import Histogram
from gates.transitions import Phase, Signal
from streams.journal import Ack, Control, Origin, Partial, Start, decode
from streams.judge.fold import Fold
from tests.properties.journals import (
    CANDIDATE,
    CHECKS,
    ROLLOUT,
    T0,
    Document,
    Episode,
    Script,
    Step,
    a_start,
    decisions,
    play,
    published,
    render,
    scripts,
    without_candidate,
)

journals = settings(max_examples=25, deadline=None)
RAISING = (Action.ADVANCE, Action.PROMOTE)


def raised_by_the_gate(decision: Decision) -> bool:
    """Tell whether the gate itself, not an operator, advanced or promoted."""
    return decision.action in RAISING and decision.by is None and not decision.escalate


def a_policy(**changes: object) -> Document:
    """Return a policy of two short stages with one guard rail."""
    return {
        "schema": "sluicegate.policy/v1",
        "rollout": ROLLOUT,
        "cohorts": {"baseline": "stable", "candidate": CANDIDATE},
        "stages": [{"name": "first", "weight": "10%", "bake": "5s"}, {"name": "all", "weight": "100%", "bake": "5s"}],
        "checks": {"limit": CHECKS["limit"]},
        "min_requests": 10,
        "no_data": {"hold_after": "4s", "pause_after": "12s"},
        "commands": {"ack_within": "2s", "tries": 2},
        **changes,
    }


class ByHand:
    """A gate fed pane by pane, one a second."""

    def __init__(self, policy: Document, *, acked: bool = True) -> None:
        self.now = T0
        self.gate, self.said = Gate.begin(None, Started(Policy.parse(policy), "ada", ""), self.moment())
        if acked:
            self.ack()

    def moment(self) -> Moment:
        """Now, by every clock."""
        return Moment(self.now, self.now, self.now, (0, 0))

    def ack(self) -> None:
        """Acknowledge the last decision."""
        last = self.gate.state.last
        assert last is not None
        self.gate.ack(Acked(last.epoch, last.sequence, True, last.weights, "x"), self.moment())

    def control(self, word: Signal) -> None:
        """Say an operator's word."""
        self.said = self.gate.control(Controlled(word, "ada", ""), self.moment())

    def second(
        self,
        candidate: tuple[int, int] | None = (40, 0),
        baseline: tuple[int, int] | None = (40, 0),
        *,
        latency_ms: float = 10.0,
        complete: bool = True,
        broken: bool = False,
        late: int = 0,
    ) -> list[Action]:
        """One pane, of (requests, errors) per cohort; returns what was decided."""
        cells = {
            name: Cell(_counts(*arm), Histogram.of([latency_ms if name == CANDIDATE else 10.0] * arm[0]))
            for name, arm in ((CANDIDATE, candidate), ("stable", baseline))
            if arm is not None
        }
        pane = Pane(self.now, self.now + 1_000, cells, complete, late, broken)
        self.now += 1_000
        self.said = self.gate.pane(pane, self.moment())
        return [each.action for each in self.said if isinstance(each, Decision)]


def _counts(requests: int, errors: int) -> tuple[int, ...]:
    found = dict.fromkeys(CLASSES, 0) | {"2xx": requests - errors, "5xx": errors}
    return tuple(found.values())


# 1. never advance or promote without every required check PASS on data from the current stage and epoch


@journals
@given(scripts())
def test_1_only_passing_every_check_advances(script: Script) -> None:
    """Each advance and promotion of the gate's own comes with every check of the policy, and each of them PASS."""
    for decision in decisions(play(script)):
        if raised_by_the_gate(decision):
            found = {check["name"]: check["verdict"] for check in decision.checks}
            assert found == dict.fromkeys(script.policy["checks"], "PASS")


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
                {cell.start: sum(cell.counts) for cell in record.cells if cell.cohort == CANDIDATE}
            )
            requests = sum(known.values(), Counter())
        for decision in step.decisions:
            if decision.id in seen:
                continue  # told again
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
            confirmed = step.gate.state.confirmed_at


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
        policy["stages"][0]["bake"] = "1h"  # type: ignore[index]
    if missing == "requests":
        policy["min_requests"] = 1_000_000
    whole, lacking = ByHand(a_policy(checks=checks)), ByHand(policy, acked=missing != "ack")
    advanced: dict[bool, set[Action]] = {True: set(), False: set()}
    for _ in range(120):
        advanced[True] |= set(whole.second())
        advanced[False] |= set(
            lacking.second(
                baseline=None if missing == "baseline" else (40, 0),
                complete=missing != "complete",
                late=20 if missing == "on time" else 0,
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
    assert hand.gate.state.baked_ms == 2_000
    assert hand.second() == [Action.ADVANCE]


@pytest.mark.parametrize("ack", [Acked(2, 1, True, {}, "x"), Acked(1, 0, True, {}, "x"), Acked(1, 1, False, {}, "x")])
def test_1_an_ack_of_something_else_confirms_nothing(ack: Acked) -> None:
    """Another epoch, an older decision, or an order not carried out: the stage is not in force."""
    hand = ByHand(a_policy(), acked=False)
    hand.gate.ack(replace(ack, weights={"stable": 90, CANDIDATE: 10}), hand.moment())
    assert hand.gate.state.confirmed_at is None


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
    hand.gate.ack(Acked(1, 999, True, {"stable": 90, CANDIDATE: 10}, "x"), hand.moment())
    assert hand.gate.state.confirmed_at is None


def test_1_an_ack_with_other_weights_confirms_nothing() -> None:
    """An actuator that says applied and observes no traffic at the candidate has not brought the stage into force."""
    hand = ByHand(a_policy(), acked=False)
    hand.gate.ack(Acked(1, 1, True, {"stable": 100, CANDIDATE: 0}, "x"), hand.moment())
    assert hand.gate.state.confirmed_at is None


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


# 2. never roll back because telemetry, a broker, a worker or an actuator went away


@journals
@given(scripts(healthy=True, words=("pause", "resume", "promote", "start", "start anew", "bad ack: rejected")))
def test_2_an_outage_is_never_a_rollback(script: Script) -> None:
    """Without an error or a slow request, whatever goes silent, stalls, comes late or stays unanswered: no rollback."""
    assert Action.ROLLBACK not in {decision.action for decision in decisions(play(script))}


@journals
@given(scripts(healthy=True, words=("pause",)), st.integers(20, 60))
def test_2_an_outage_is_never_a_promotion(script: Script, seconds: int) -> None:
    """While nothing at all is heard, nothing advances: not on the strength of what was heard before either."""
    quiet = Episode(seconds, requests=(0, 0), sources=("silent", "silent"))
    steps = list(play(replace(script, episodes=(*script.episodes, quiet))))
    last_events = max((s.record.cells[-1].start for s in steps if isinstance(s.record, Partial)), default=T0)
    for step in steps:
        for decision in step.decisions:
            if raised_by_the_gate(decision):
                assert decision.event_time <= last_events + 4_000 + 1_000  # hold_after, and the pane itself


# 3. a failing guard rail beats every hold, pause timer and bake time


@journals
@given(scripts())
def test_3_a_failing_check_is_a_rollback_at_once(script: Script) -> None:
    """No record leaves a live rollout with a check that FAILs; the rollback is of the very pane that showed it.

    Only where the baseline breaks a limit too, it may stop there instead, for a person to look at.
    """
    for step in play(script):
        checks = () if step.gate is None else step.gate.state.checks
        if step.gate is not None and any(check["verdict"] == "FAIL" for check in checks):
            shared = any("baseline_beyond" in check for check in checks)
            stopped = {Phase.ROLLED_BACK, Phase.PAUSED, Phase.HELD} if shared else {Phase.ROLLED_BACK}
            assert step.gate.state.phase in stopped


seconds = st.tuples(st.integers(0, 30), st.floats(0.0, 1.0), st.booleans(), st.booleans(), st.booleans())


@settings(max_examples=80, deadline=None)
@given(
    st.lists(seconds, min_size=1, max_size=25),
    st.sampled_from(["baking", "paused", "unacknowledged"]),
)
def test_3_the_guard_rail_is_exactly_the_limit(drawn: list[tuple[int, float, bool, bool, bool]], standing: str) -> None:
    """A rollback comes with the first pane whose window breaks the limit, by a recount here; whatever else is amiss."""
    stage = [{"name": "only", "weight": "10%", "bake": "1h"}]
    hand = ByHand(a_policy(stages=stage), acked=standing != "unacknowledged")
    if standing == "paused":
        hand.control(Signal.OPERATOR_PAUSE)
    seen: list[tuple[int, int]] = []
    for requests, share, complete, broken, baseline in drawn:
        seen.append((requests, round(requests * share)))
        window = seen[-5:]
        total, errors = sum(r for r, _ in window), sum(e for _, e in window)
        found = hand.second(seen[-1], (40, 0) if baseline else None, complete=complete, broken=broken)
        breached = errors >= 5 and errors > 0.2 * total
        assert (Action.ROLLBACK in found) == breached
        if breached:
            return


def test_3_at_the_limit_is_within_the_limit() -> None:
    """Exactly the limit is allowed; one error more is not."""
    hand = ByHand(a_policy(stages=[{"name": "only", "weight": "10%", "bake": "1h"}]))
    assert [hand.second((40, 8)) for _ in range(8)] == [[]] * 8
    assert hand.second((40, 9)) == [Action.ROLLBACK]


# 4. terminated, aborted, never measured is not success; a stage without checks is a policy error


@journals
@given(scripts(words=("start", "start anew", "bad ack: epoch")))
def test_4_never_measured_is_never_success(script: Script) -> None:
    """Without a single request of the candidate there is no advance and no promotion, and no PASS."""
    for step in play(without_candidate(script)):
        assert not any(decision.action in RAISING for decision in step.decisions)
        if step.gate is not None:
            assert "PASS" not in {check["verdict"] for check in step.gate.state.checks}


@pytest.mark.parametrize("changes", [{"checks": {}}, {"checks": None}, {"stages": []}, {"checks": {"e": {}}}])
def test_4_nothing_to_check_is_a_policy_error(changes: Document) -> None:
    """A policy without checks, without stages, or with a check that checks nothing is refused, and starts nothing."""
    with pytest.raises(PolicyError):
        Policy.parse(a_policy(**changes))
    script = Script(a_policy(**changes), (Episode(10),))
    assert list(itertools.chain.from_iterable(step.outcomes for step in play(script))) == []


# 5. after a rollback of an epoch nothing raises the candidate's weight in that epoch


@journals
@given(scripts(), st.sampled_from(["pause", "resume", "promote", "rollback"]))
def test_5_after_a_rollback_the_candidate_stays_at_zero(script: Script, word: str) -> None:
    """Whatever is said and seen after it: the candidate's weight stays 0 until a new epoch."""
    script = replace(
        script, episodes=(*script.episodes, Episode(3, word="rollback"), Episode(20, word=word), Episode(9))
    )
    ended: set[int] = set()
    for decision in decisions(play(script)):
        if decision.action is Action.ROLLBACK:
            ended.add(decision.epoch)
        if decision.epoch in ended:
            assert decision.weights == {"stable": 100, CANDIDATE: 0}


def test_5_a_rollback_is_confirmed_by_an_observed_zero_only() -> None:
    """An ack that does not say what weight the candidate has leaves the rollback unconfirmed, and so re-issued."""
    hand = ByHand(a_policy())
    hand.control(Signal.OPERATOR_ROLLBACK)
    hand.gate.ack(Acked(1, 2, True, {}, "x"), hand.moment())
    assert hand.gate.state.pending is not None


def test_6_a_start_speaks_of_its_own_rollout() -> None:
    """A start keyed by one rollout with the policy of another publishes nothing: its ids would be the other's."""
    start = Start(rollout="another", policy=a_policy(), by="ada", at=T0)
    assert Fold(0).apply(start, 0) == []


# 6. epoch and sequence only grow; two decisions never share an id and differ


@journals
@given(scripts())
def test_6_the_fencing_token_only_grows(script: Script) -> None:
    """(epoch, sequence) never goes back; an id seen before comes with the very same decision."""
    by_id: dict[str, Document] = {}
    newest = (0, 0)
    for decision in decisions(play(script)):
        token = (decision.epoch, decision.sequence)
        assert token >= newest
        assert (token > newest) == (decision.id not in by_id)
        assert by_id.setdefault(decision.id, decision.document()) == decision.document()
        newest = token


@journals
@given(scripts())
def test_6_two_judges_say_the_same(script: Script) -> None:
    """Two judges of one journal publish the same bytes."""
    records = [step.record for step in play(script)]
    folds = Fold(3), Fold(3)
    outcomes = [[o for at, r in enumerate(records) for o in fold.apply(r, at)] for fold in folds]
    assert published(outcomes[0]) == published(outcomes[1])


# 7. NaN, infinities, negative latencies, unknown enum words never reach a verdict


@pytest.mark.parametrize(
    "field",
    [
        {"latency_ms": "NaN"},
        {"latency_ms": "Infinity"},
        {"latency_ms": "-Infinity"},
        {"latency_ms": "-0.001"},
        {"latency_ms": "1e999"},
        {"latency_ms": "null"},
        {"status": "99"},
        {"status": "600"},
        {"status": "200.5"},
        {"status": "null"},
        {"outcome": '"fine"'},
        {"metrics": '{"cpu": NaN}'},
    ],
)
def test_7_what_is_no_number_or_no_word_is_refused_at_the_edge(field: dict[str, str]) -> None:
    """An event that a verdict could trip over becomes a fault with its reason, and no event."""
    fields = {"ts": str(T0), "rollout": '"r"', "cohort": '"c"', "status": "200", "latency_ms": "1"} | field
    value = "{" + ",".join(f'"{name}":{text}' for name, text in fields.items()) + "}"
    decoded = decode_events(value.encode())
    assert decoded.events == []
    assert len(decoded.faults) == 1


@pytest.mark.parametrize(
    "value",
    [
        b'{"schema":"sluicegate.control/v1","rollout":"r","control":"explode","by":"a","at":1}',
        b'{"schema":"sluicegate.ack/v1","id":"r:1:1","rollout":"r","epoch":1,"sequence":1,"actuator":"a",'
        b'"status":"maybe","weights":{},"at":1}',
        b'{"schema":"sluicegate.ack/v1","id":"r:1:1","rollout":"r","epoch":1,"sequence":1,"actuator":"a",'
        b'"status":"applied","weights":{"canary":NaN},"at":1}',
        b'{"schema":"sluicegate.progress/v1","worker":"w","wall":1e999,"sources":[]}',
        b'{"schema":"sluicegate.verdict/v9"}',
    ],
)
def test_7_unknown_words_are_no_journal_records(value: bytes) -> None:
    """A record with a word or a number that is none of ours does not decode."""
    with pytest.raises(ValueError, match=r"(?i)invalid|malformed|expected|range"):
        decode(value)


@journals
@given(scripts())
def test_7_everything_published_is_finite(script: Script) -> None:
    """Decisions and statuses hold known verdicts and finite figures only."""
    for step in play(script):
        for decision in step.decisions:
            json.dumps(decision.document(), allow_nan=False)
            assert {check["verdict"] for check in decision.checks} <= {
                "PASS",
                "FAIL",
                "INCONCLUSIVE",
                "NO_DATA",
                "ERROR",
            }
            assert 0.0 <= decision.completeness <= 1.0
        if step.gate is not None:
            json.dumps(step.gate.dump(), allow_nan=False)


# 8. slicing, repeating and reordering the input within the lateness allowed changes nothing


def said(steps: list[Step]) -> list[bytes]:
    """Return what was published, but for the journal's offsets, repeats left out."""
    return list(dict.fromkeys(published([o for step in steps for o in step.outcomes], journal=False)))


@journals
@given(scripts(), st.integers(2, 4))
def test_8_slicing_changes_nothing(script: Script, slices: int) -> None:
    """Each second's events in one version of a chunk or in several: the same decisions."""
    assert said(list(play(script, render(script, slices=slices)))) == said(list(play(script)))


@journals
@given(scripts())
def test_8_repeating_changes_nothing(script: Script) -> None:
    """Old versions, progress and words told again, as zombies and retries do: the same decisions."""
    assert said(list(play(script, render(script, repeats=True)))) == said(list(play(script)))


@journals
@given(scripts())
def test_8_reordering_changes_nothing(script: Script) -> None:
    """Events that come a second later, of two allowed, and partitions in another order: the same decisions."""
    script = replace(script, episodes=tuple(replace(each, late=0) for each in script.episodes))
    assert said(list(play(script, render(script, reorder=True)))) == said(list(play(script)))


def test_8_an_old_word_is_not_heard_again() -> None:
    """An order that the sequencer repeats after a new start is the old one's repeat: it does not end the new epoch."""
    fold = Fold(0)
    order = Control(rollout=ROLLOUT, control="rollback", by="ada", at=T0, origin=Origin("rollout-controls", 0, 5))
    records = [a_start(a_policy(), T0, 0), order, a_start(a_policy(), T0, 1), order]
    outcomes = [fold.apply(record, at) for at, record in enumerate(records)]
    actions = [each.action for given in outcomes for each in given if isinstance(each, Decision)]
    assert actions == [Action.START, Action.ROLLBACK, Action.START]
