"""A paused rollout is watched: graver causes page once, reminders repeat the page, and the deadline acts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gates.decisions import Action, Decision
from gates.machine.pauses import is_news
from gates.machine.rollout import Acked, Controlled, Moment, RolloutState, Started, Ticked
from gates.machine.step import start, step
from gates.machine.transitions import WATCHED, Phase, Signal
from gates.rules import CURRENT, FIRST
from gates.verdicts import Evaluation, Measurement, Verdict, VerdictKind
from tests.gates.pane_builders import T0, policy

NONE = Measurement(100, 0.0)
PASS = Verdict("a", VerdictKind.PASS, "a: passes", (T0, T0 + 1_000), NONE, NONE)
FAIL = replace(PASS, kind=VerdictKind.FAIL, reason="a: fails", absolute=True)
SHARED = replace(FAIL, baseline_beyond=True)
HOUR = 3_600_000


class Paused:
    """A rollout that an operator paused; `second` judges a pane, `wait` lets wall time pass without telemetry."""

    def __init__(self, *, acked: bool = True, rules: int = CURRENT, pause: bool = True, **changes: Any) -> None:
        self.now = self.wall = T0
        known = policy(
            {"a": {"sli": "error_rate", "limit": "20%"}},
            stages=[{"name": "tenth", "weight": "10%", "bake": "3s"}, {"name": "half", "weight": "50%", "bake": "3s"}],
            no_data={"hold_after": "30s", "pause_after": "5m"},
            **changes,
        )
        self.state: RolloutState = start(None, Started(known, "ada", "", rules), self.moment).state
        if acked:
            self.ack()
        if pause:
            self.control(Signal.OPERATOR_PAUSE)

    @property
    def moment(self) -> Moment:
        """Event time as judged, and the wall clock."""
        return Moment(self.now, self.now, self.wall, (0, 0))

    def _take(self, given: Any) -> list[Decision]:
        result = step(self.state, given, self.moment)
        self.state = result.state
        return [output for output in result.outputs if isinstance(output, Decision)]

    def ack(self) -> None:
        """Confirm the last decision."""
        last = self.state.last
        assert last is not None
        self._take(Acked(last.epoch, last.sequence, "applied", last.weights, "x"))

    def control(self, order: Signal) -> list[Decision]:
        """An operator's order."""
        return self._take(Controlled(order, "grace", ""))

    def second(self, *verdicts: Verdict, **fields: Any) -> list[Decision]:
        """One pane with these verdicts, judged when it ends."""
        begun, self.now = self.now, max(self.now, self.wall) + 1_000
        self.wall = self.now
        known: dict[str, Any] = {"silent_ms": 0, "silent_cohorts": (), "broken": False, "trusted": True}
        pane = Evaluation(begun, self.now, verdicts or (PASS,), **(known | {"completeness": 1.0} | fields))
        return self._take(pane)

    def wait(self, length: int) -> list[Decision]:
        """Wall time passes; event time stands still."""
        self.wall += length
        return self._take(Ticked())


def with_rules(**rules: str) -> Paused:
    """A paused rollout whose policy has these rules of a pause."""
    hand = Paused(pause=False)
    known = hand.state.policy
    hand.state = replace(hand.state, policy=type(known).parse({**known.document(), "pause": rules}))
    hand.control(Signal.OPERATOR_PAUSE)
    return hand


SILENT_LONG = {"silent_ms": 300_000, "silent_cohorts": ("canary",)}
CAUSES: dict[Signal, tuple[tuple[Verdict, ...], dict[str, Any]]] = {
    Signal.BASELINE_GONE: ((FAIL,), {"baseline_alive_at": 0}),
    Signal.SHARED_CAUSE: ((SHARED,), {}),
    Signal.FAIL_PAUSES: ((replace(FAIL, on_fail="pause"),), {}),
    Signal.BROKEN: ((), {"broken": True}),
    Signal.SILENT_LONG: ((), SILENT_LONG),
    Signal.BASELINE_BURNING: ((replace(PASS, baseline_beyond=True),), {}),
    Signal.FAIL_HOLDS: ((replace(FAIL, on_fail="hold"),), {}),
}


def test_all_causes_that_are_watched_are_here() -> None:
    """The table and these tests do not drift apart."""
    assert set(CAUSES) == set(WATCHED)


@pytest.mark.parametrize("cause", CAUSES)
def test_a_graver_cause_pages_once(cause: Signal) -> None:
    """However long it lasts, and each time it comes back; the rollout stays paused, and the status has the cause."""
    verdicts, fields = CAUSES[cause]
    hand = Paused()
    (paged,) = [decision for _ in range(3) for decision in hand.second(*verdicts, **fields)]
    assert (paged.action, paged.escalate, hand.state.phase) == (Action.PAUSE, True, Phase.PAUSED)
    assert hand.state.cause is cause
    assert hand.second() + hand.second(*verdicts, **fields) == []


def test_from_mild_to_grave_each_pages_and_back_none_does() -> None:
    """So two causes that take turns make two pages, whatever their order."""
    hand, mild_first = Paused(), list(reversed(CAUSES.values()))
    rising = [hand.second(*verdicts, **fields) for verdicts, fields in mild_first]
    assert [len(found) for found in rising] == [1] * len(CAUSES)
    assert [hand.second(*verdicts, **fields) for verdicts, fields in mild_first * 2] == [[]] * len(CAUSES) * 2
    assert hand.state.cause is Signal.BASELINE_GONE


def test_a_failing_check_rolls_a_watched_pause_back() -> None:
    """Whatever was paged before, a guard rail beats the pause."""
    hand = Paused()
    hand.second(SHARED)
    (decision,) = hand.second(FAIL)
    assert decision.action is Action.ROLLBACK
    assert hand.state.pause is None


def test_what_needs_no_person_does_not_page() -> None:
    """Short silence, incomplete telemetry and doubts about the split: nothing advances anyway."""
    hand = Paused()
    assert hand.second(silent_ms=30_000, silent_cohorts=("canary",)) == []
    assert hand.second(trusted=False, untrusted_ms=60_000) == []
    assert hand.second(doubts=("no split",)) == []


def test_the_cause_of_a_hold_is_known_to_who_pauses_it() -> None:
    """A person was paged for it, and then paused the rollout: it does not page again, and a graver one does."""
    hand = Paused(pause=False)
    assert [decision.escalate for decision in hand.second(broken=True)] == [True]
    hand.control(Signal.OPERATOR_PAUSE)
    assert hand.second(broken=True) == []
    assert len(hand.second(SHARED)) == 1


def test_a_hold_without_a_page_is_not_known() -> None:
    """Silence holds without a page: when it grows long while paused, it pages."""
    hand = Paused(pause=False)
    hand.second(silent_ms=30_000, silent_cohorts=("canary",))
    hand.control(Signal.OPERATOR_PAUSE)
    assert len(hand.second(**SILENT_LONG)) == 1


def test_an_unconfirmed_order_pages_beside_a_graver_cause_and_once() -> None:
    """That the weights are unknown is another matter than what the checks show."""
    hand = Paused(acked=False)
    hand.second(**SILENT_LONG)
    found = [decision for _ in range(20) for decision in hand.wait(hand.state.policy.commands.ack_within_ms * 20)]
    pages = [decision for decision in found if decision.escalate and "is not confirmed" in decision.reason]
    assert len({decision.id for decision in pages}) == 1
    assert hand.second() == []


def test_a_breach_of_the_baseline_promises_no_resume_while_paused() -> None:
    """A pause ends by an order, whatever the baseline does."""
    burning = replace(PASS, baseline_beyond=True)
    (paged,) = Paused().second(burning)
    (held,) = Paused(pause=False).second(burning)
    assert paged.reason == "baseline stable breaks the limit of a, so the cause is likely not canary"
    assert held.reason == f"{paged.reason}; the rollout resumes when stable recovers"


def test_the_first_rules_watch_nothing_but_the_order() -> None:
    """An epoch that began under them folds as before: no page but for a missing ack, no reminder, no deadline."""
    hand = Paused(rules=FIRST)
    assert [hand.second(*verdicts, **fields) for verdicts, fields in list(CAUSES.values())[1:]] == [[]] * 6
    assert hand.state.pause is None
    assert is_news(hand.state, Signal.UNCONFIRMED)


def test_a_pause_is_repeated_until_somebody_ends_it() -> None:
    """Each remind_after since the last page, also while event time stands still; the reason is that of the pause."""
    hand = with_rules(remind_after="4h")
    assert hand.wait(4 * HOUR - 1) == []
    (first,) = hand.wait(1)
    assert (first.action, first.escalate, hand.state.phase) == (Action.PAUSE, True, Phase.PAUSED)
    assert first.reason == "still paused for 4h: grace ordered pause; resume, roll back or promote"
    assert hand.wait(4 * HOUR - 1) == []
    (second,) = hand.wait(1)
    assert second.reason == "still paused for 8h: grace ordered pause; resume, roll back or promote"
    assert second.event_time == first.event_time == T0
    hand.control(Signal.OPERATOR_RESUME)
    assert hand.state.pause is None
    assert hand.wait(100 * HOUR) == []


def test_a_page_for_a_graver_cause_is_a_reminder_too() -> None:
    """The next one comes remind_after later, with the graver reason, and the cause stays."""
    hand = with_rules(remind_after="4h")
    hand.wait(3 * HOUR)
    hand.second(SHARED)
    assert hand.wait(3 * HOUR) == []
    (reminder,) = hand.wait(HOUR)
    assert reminder.reason.startswith("still paused for 7h: a: fails; the cause is likely shared")
    assert hand.state.cause is Signal.SHARED_CAUSE


@pytest.mark.parametrize(
    ("then", "action", "phase"),
    [("rollback", Action.ROLLBACK, Phase.ROLLED_BACK), ("resume", Action.RESUME, Phase.BAKING)],
)
def test_the_deadline_acts(then: str, action: Action, phase: Phase) -> None:
    """The gate does it by itself, and names the rule and why the rollout was paused."""
    hand = with_rules(deadline="10h", then=then)
    hand.wait(10 * HOUR - 2_000)
    assert hand.second() == []
    (decision,) = hand.wait(1_000)
    assert (decision.action, decision.by, hand.state.phase) == (action, None, phase)
    rule = f"paused for 10h (pause.deadline 10h, then {then})"
    assert decision.reason == f"{rule}; it was paused because: grace ordered pause"
    assert hand.state.pause is None


def test_a_deadline_resumes_as_an_operator_would() -> None:
    """The stage has its time again, and what it has baked is kept."""
    hand = with_rules(deadline="10h", then="resume")
    hand.wait(10 * HOUR - 2_000)
    hand.second()
    hand.wait(1_000)
    assert hand.state.progress.timed_from == hand.now


OUTAGES: dict[str, tuple[dict[str, Any], str]] = {
    "broken": ({"broken": True}, "no ingest worker reports telemetry"),
    "silent": ({"silent_ms": 30_000, "silent_cohorts": ("canary",)}, "canary has had no requests for 30s"),
    "incomplete": ({"trusted": False, "untrusted_ms": 30_000}, "telemetry is incomplete: a source partition"),
}


@pytest.mark.parametrize("then", ["rollback", "resume"])
@pytest.mark.parametrize("outage", OUTAGES)
def test_an_outage_is_neither_rolled_back_nor_resumed(outage: str, then: str) -> None:
    """The deadline pages instead, and is tried again after as long; then telemetry is back, and it acts."""
    fields, words = OUTAGES[outage]
    hand = with_rules(deadline="10h", then=then)
    hand.wait(10 * HOUR - 2_000)
    hand.second(**fields)
    (paged,) = hand.wait(1_000)
    assert (paged.action, paged.escalate, hand.state.phase) == (Action.PAUSE, True, Phase.PAUSED)
    assert f"and still paused: {words}" in paged.reason
    assert paged.reason.endswith("; the next try is in 10h; resume, roll back or promote")
    hand.wait(10 * HOUR - 2_000)
    hand.second()
    assert [decision.action.value for decision in hand.wait(1_000)] == [then]


@pytest.mark.parametrize("judged", [False, True])
def test_old_telemetry_is_an_outage(judged: bool) -> None:
    """Without panes event time stands still, and the last evaluation, however good, is about hours ago."""
    hand = with_rules(deadline="10h", then="resume")
    if judged:
        hand.second()
    (paged,) = hand.wait(10 * HOUR)
    since = "00:00:01Z (event time)" if judged else "the start"
    assert f"still paused: no telemetry has been judged since {since};" in paged.reason


@pytest.mark.parametrize("cause", [cause for cause in CAUSES if cause not in (Signal.BROKEN, Signal.SILENT_LONG)])
def test_a_deadline_does_not_resume_what_fails(cause: Signal) -> None:
    """Nobody watches, so it stays paused, and pages with what fails."""
    verdicts, fields = CAUSES[cause]
    hand = with_rules(deadline="10h", then="resume")
    hand.wait(10 * HOUR - 2_000)
    hand.second(*verdicts, **fields)
    (paged,) = hand.wait(1_000)
    assert (paged.action, paged.escalate) == (Action.PAUSE, True)
    assert "and still paused: " in paged.reason


def test_a_deadline_rolls_back_what_fails_alike_in_both() -> None:
    """A shared outage paused it, and nobody came: that is what `then: rollback` is for."""
    hand = with_rules(deadline="10h", then="rollback")
    hand.wait(10 * HOUR - 2_000)
    hand.second(SHARED, baseline_alive_at=hand.wall)
    assert [decision.action for decision in hand.wait(1_000)] == [Action.ROLLBACK]


def test_a_deadline_does_not_roll_back_to_nothing() -> None:
    """The baseline must be alive for this rollback, too."""
    hand = with_rules(deadline="10h", then="rollback")
    hand.wait(10 * HOUR - 2_000)
    hand.second(baseline_alive_at=T0)
    (paged,) = hand.wait(1_000)
    assert "and still paused: stable has had no successful request for " in paged.reason


def test_the_deadline_counts_from_the_pause_not_from_the_last_page() -> None:
    """A cause that comes up later does not put it off."""
    hand = with_rules(remind_after="4h", deadline="10h", then="rollback")
    pages = 0
    for _ in range(9):
        pages += len(hand.wait(HOUR))
    assert pages == 2
    hand.wait(HOUR - 5_000)
    hand.second(SHARED)
    hand.second()
    assert [decision.action for decision in hand.wait(3_000)] == [Action.ROLLBACK]


def test_a_new_epoch_has_no_pause() -> None:
    """A start ends the pause of the epoch before."""
    hand = with_rules(remind_after="4h")
    hand.state = start(hand.state, Started(hand.state.policy, "ada", ""), hand.moment).state
    assert hand.state.pause is None
