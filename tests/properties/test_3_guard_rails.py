"""A failing guard rail beats every hold, pause timer and bake time."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gates.decisions import Action
from gates.machine.living_baseline import baseline_gone
from gates.machine.transitions import Phase, Signal
from gates.verdicts import VerdictKind
from tests.properties.hand import ByHand, a_policy, journals
from tests.properties.journals import (
    Script,
    play,
    required,
    scripts,
)


@journals
@given(scripts(words=("pause", "approve", "rollback", "start changed", "bad ack: epoch")))
def test_3_a_failing_check_is_a_rollback_at_once(script: Script) -> None:
    """After each record, a rollout with a required check that FAILs is rolled back, paused or held (`on_fail`).

    Only where the baseline breaks a limit too, or shows no sign of life, it may stop there instead, for a person to
    look at.
    """
    for step in play(script):
        if step.gate is None:
            continue
        state = step.gate.state
        known = state.evaluation.required
        assert {verdict.name for verdict in known} <= required(script.policy)
        fails = [verdict for verdict in known if verdict.kind is VerdictKind.FAIL]
        if not fails:
            continue
        shared = any(verdict.baseline_beyond for verdict in known)
        rolling = any(verdict.on_fail == "rollback" for verdict in fails)
        pausing = any(verdict.on_fail == "pause" for verdict in fails)
        stopped = {Phase.ROLLED_BACK}
        if shared or not rolling or baseline_gone(state, state.evaluation):
            stopped |= {Phase.PAUSED}
        if shared or not (rolling or pausing):
            stopped |= {Phase.HELD}
        assert step.gate.state.phase in stopped


shares = st.one_of(st.sampled_from([0.0, 0.05]), st.sampled_from([0.0, 0.1]), st.floats(0.0, 1.0))
seconds = st.tuples(st.integers(0, 30), shares, st.booleans(), st.booleans(), st.booleans())


@settings(max_examples=40, deadline=None)
@given(
    st.lists(seconds, min_size=1, max_size=25),
    st.sampled_from(["baking", "paused", "unacknowledged"]),
)
def test_3_the_guard_rail_is_exactly_the_limit(drawn: list[tuple[int, float, bool, bool, bool]], standing: str) -> None:
    """A rollback comes with the first pane whose window breaks the limit, by a recount here; whatever else is amiss.

    Only a pane without a request of the candidate waits for the next one: time alone rolls nothing back.
    """
    stage = [{"name": "only", "weight": "10%", "bake": "1h"}]
    hand = ByHand(a_policy(stages=stage, rollback_needs_baseline=False), acked=standing != "unacknowledged")
    if standing == "paused":
        hand.control(Signal.OPERATOR_PAUSE)
    seen: list[tuple[int, int]] = []
    for requests, share, complete, broken, baseline in drawn:
        seen.append((requests, round(requests * share)))
        window = seen[-5:]
        total, errors = sum(r for r, _ in window), sum(e for _, e in window)
        found = hand.second(seen[-1], (40, 0) if baseline else None, complete=complete, broken=broken)
        breached = requests > 0 and errors >= 5 and errors > 0.2 * total
        assert (Action.ROLLBACK in found) == breached
        if breached:
            return


def test_3_at_the_limit_is_within_the_limit() -> None:
    """Exactly the limit is allowed; one error more is not."""
    hand = ByHand(a_policy(stages=[{"name": "only", "weight": "10%", "bake": "1h"}]))
    assert [hand.second((40, 8)) for _ in range(8)] == [[]] * 8
    assert hand.second((40, 9)) == [Action.ROLLBACK]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=5))
def test_3_only_a_baseline_without_life_stops_a_rollback(silences: list[int]) -> None:
    """The candidate fails once the baseline is silent for `hold_after` (4s): paused, until the baseline is back."""
    hand = ByHand(a_policy(stages=[{"name": "only", "weight": "10%", "bake": "1h"}]))
    for silence in silences:
        assert hand.second() == []
        found = [action for second in range(silence) for action in hand.second((400, 390 * (second >= 3)), None)]
        assert found == [Action.PAUSE] * (silence >= 4)
        if found:
            assert hand.second() == [Action.ROLLBACK]
            return


@journals
@given(scripts(words=("pause", "resume", "bad ack: epoch")))
def test_3_a_pause_pages_once_for_each_cause_and_never_for_a_milder_one(script: Script) -> None:
    """Whatever takes turns meanwhile; only an order without confirmation pages beside a graver cause."""
    gravity, pages = list(Signal), set[str]()
    for step in play(script):
        pause = None if step.gate is None else step.gate.state.pause
        if pause is None:
            pages.clear()
            continue
        pages |= {decision.id for decision in step.decisions if decision.escalate}
        places = [gravity.index(cause) for cause in pause.paged if cause is not Signal.UNCONFIRMED]
        assert places == sorted(set(places), reverse=True)
        assert len(pages) <= len(pause.paged) == len(set(pause.paged))
