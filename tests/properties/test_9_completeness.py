"""Completeness belongs to a cohort: below the policy's minimum nothing advances, however complete the other one is."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.decisions import Action
from gates.policy import Policy
from gates.rules import CURRENT, FIRST
from streams.cells import CellRecord, SourcePartition
from streams.journal import Partial, Progress, Record
from tests.properties.hand import ByHand, a_policy, journals, raised_by_the_gate
from tests.properties.journals import (
    BASELINE,
    CANDIDATE,
    HIDING,
    ROLLOUT,
    T0,
    Episode,
    Hiding,
    Script,
    a_start,
    decisions,
    play,
    policies,
    render,
    scripts,
)
from tests.properties.recount import recounted


@st.composite
def hiding(draw: st.DrawFn) -> Script:
    """Draw a script in which some failures of one cohort arrive too late, most of the time."""
    episodes = draw(st.lists(HIDING, min_size=2, max_size=4))
    return Script(draw(policies()), tuple(replace(each, word="approve s0") for each in episodes))


@journals
@given(st.one_of(scripts(), hiding()))
def test_9_an_advance_has_the_telemetry_of_each_cohort(script: Script) -> None:
    """Each cohort that the stage left needs was as complete as the policy asks since that stage's order, recounted."""
    policy, index, epoch = Policy.parse(script.policy), 0, 0
    for step, decision, recount in recounted(play(replace(script, rules=CURRENT))):
        if decision.epoch != epoch:
            epoch, index = decision.epoch, 0
        if raised_by_the_gate(decision):
            stage = policy.stages[index]
            for cohort in (CANDIDATE, BASELINE) if stage.weight < 1.0 else (CANDIDATE,):
                found = recount.completeness(cohort, decision.event_time)
                assert found >= policy.min_completeness, (cohort, found, step.record)
        index += decision.action is Action.ADVANCE


HIDDEN: tuple[Hiding, ...] = ("late", "unreadable", "refused")


@journals
@given(scripts(), st.floats(0.2, 1.0), st.integers(4, 9), st.sampled_from(HIDDEN))
def test_9_a_candidate_whose_failures_are_hidden_never_advances(
    script: Script, share: float, late: int, hidden_by: Hiding
) -> None:
    """Its successes are counted, and no failure is; the baseline is healthy and has a hundred times as many."""
    lost = Episode(1, late_failures=late, late_share=1.0, late_cohort=CANDIDATE, hidden_by=hidden_by)
    episodes = tuple(
        replace(lost, seconds=each.seconds, requests=(20, 2_000), errors=(share, 0.0), sources=each.sources)
        for each in script.episodes
    )
    # A bake that ends before the late failures are due can know nothing of them.
    stages = [{**stage, "bake": f"{late + 4}s"} for stage in script.policy["stages"]]
    policy = {**script.policy, "min_completeness": "99%", "stages": stages}
    for decision in decisions(play(replace(script, policy=policy, episodes=episodes, rules=CURRENT))):
        assert not raised_by_the_gate(decision)


@journals
@given(scripts())
def test_9_missing_events_roll_nothing_back(script: Script) -> None:
    """A healthy rollout whose late events were never sent, and the same with them: neither is rolled back."""
    episodes = tuple(replace(each, errors=(0.0, 0.0), latency_ms=10.0, word=None) for each in script.episodes)
    for late in (0, 6):
        shown = replace(script, episodes=tuple(replace(each, late=late) for each in episodes))
        assert Action.ROLLBACK not in {decision.action for decision in decisions(play(shown))}


def test_9_a_later_stage_begins_with_clean_counts() -> None:
    """What was missing in the stage before is not held against the next one; what is missing now is."""
    hand = ByHand(a_policy(min_completeness="90%"))
    while Action.ADVANCE not in hand.second(late=3):
        pass
    hand.ack()
    assert not any(Action.PROMOTE in hand.second(late=20) for _ in range(8))
    while not any(Action.PROMOTE in hand.second() for _ in range(60)):
        raise AssertionError("the stage passes once few enough of its events are missing")


@pytest.mark.parametrize("hidden_by", ["late", "unreadable", "refused", "clamped"])
def test_9_each_way_to_lose_events_counts(hidden_by: Hiding) -> None:
    """A tenth of the candidate's events is lost: no advance, although as many failures are within its limit."""
    shown = Episode(40, requests=(20, 2_000), errors=(0.1, 0.0))
    lost = replace(shown, late_failures=5, hidden_by=hidden_by)
    for episode, advances in ((shown, True), (lost, False)):
        found = {decision.action for decision in decisions(play(Script(a_policy(), (episode,))))}
        assert (Action.ADVANCE in found) == advances


@pytest.mark.parametrize("rules", [FIRST, CURRENT])
def test_9_failures_of_a_slow_clock_are_late(rules: int) -> None:
    """An instance whose clock is an hour behind fails all the time: its events are from before the start, and count."""
    stages = [{"name": "first", "weight": "10%", "bake": "40s"}, {"name": "all", "weight": "100%", "bake": "5s"}]
    script = Script(a_policy(stages=stages), (Episode(70),), rules=rules)
    records: list[Record] = []
    for record in render(script):
        records.append(record)
        if isinstance(record, Progress):
            failed = len(records)
            cell = CellRecord(CANDIDATE, T0 - 3_600_000, (0, 0, 0, 0, failed, 0, 0), [], [])
            source = SourcePartition("other", 0)
            records.append(Partial(rollout=ROLLOUT, source=source, start=0, upto=failed, final=False, cells=[cell]))
    found = {decision.action for decision in decisions(play(script, iter(records)))}
    assert (Action.ADVANCE in found) == (rules == FIRST)


def test_9_an_epoch_of_an_older_build_is_judged_as_then() -> None:
    """Its start has no number of rules: the late events of both cohorts count together."""
    script = Script(a_policy(), (Episode(40, requests=(20, 2_000), errors=(0.5, 0.0), late_failures=5),))
    records = list(render(script))
    assert Action.ADVANCE not in [decision.action for decision in decisions(play(script, iter(records)))]
    records[0] = msgspec.structs.replace(a_start(script.policy), rules=1)
    assert Action.ADVANCE in [decision.action for decision in decisions(play(script, iter(records)))]
