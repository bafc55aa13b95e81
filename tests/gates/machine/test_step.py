"""The machine: what FAILs come to, approval, passes in a row, warm-up, and who replaces whose policy."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from gates.decisions import Action, Decision
from gates.machine.facts import Decided, Ended, Fact, Output, StageConfirmed, StageEntered, StepResult
from gates.machine.rollout import Acked, Controlled, Moment, RolloutState, Started, Ticked
from gates.machine.step import start, step
from gates.machine.transitions import Phase, Signal
from gates.verdicts import Evaluation, Measurement, Verdict, VerdictKind
from tests.gates.pane_builders import T0, policy

CHECKS = {"errors": {"sli": "error_rate", "limit": "20%"}}
STAGE = {"name": "tenth", "weight": "10%", "bake": "3s"}
LAST = {"name": "half", "weight": "50%", "bake": "3s"}


def verdict(name: str, outcome: VerdictKind = VerdictKind.PASS, **fields: Any) -> Verdict:
    """A verdict with a reason of its own."""
    none = Measurement(100, 0.0)
    return Verdict(name, outcome, f"{name}: {outcome.value}", (T0, T0 + 1_000), none, none, **fields)


def limit(name: str = "a", **fields: Any) -> Verdict:
    """A limit that is broken."""
    return verdict(name, VerdictKind.FAIL, absolute=True, **fields)


def worse(name: str = "a", **fields: Any) -> Verdict:
    """A comparison whose null is rejected."""
    return verdict(name, VerdictKind.FAIL, rejected=True, **fields)


@dataclass
class Hand:
    """A machine given evaluations by hand, one a second."""

    stages: list[dict[str, Any]] = field(default_factory=lambda: [STAGE, LAST])
    now: int = T0
    acked: bool = True
    state: RolloutState = field(init=False)
    outputs: tuple[Output, ...] = ()
    facts: tuple[Fact, ...] = ()

    def __post_init__(self) -> None:
        self.policy = policy(CHECKS, stages=self.stages, no_data={"hold_after": "30s", "pause_after": "5m"})
        self._follow(start(None, Started(self.policy, "ada", ""), self.moment))
        if self.acked:
            self.ack()

    def _follow(self, result: StepResult) -> None:
        self.state, self.outputs, self.facts = result.state, result.outputs, result.facts

    @property
    def moment(self) -> Moment:
        """Now, by every clock."""
        return Moment(self.now, self.now, self.now, (0, 0))

    def take(self, given: Any) -> list[Decision]:
        """One input; returns the decisions that follow."""
        self._follow(step(self.state, given, self.moment))
        return [output for output in self.outputs if isinstance(output, Decision)]

    def ack(self) -> None:
        """Acknowledge the last decision."""
        last = self.state.last
        assert last is not None
        self.take(Acked(last.epoch, last.sequence, "applied", last.weights, "x"))

    def say(self, word: Signal, by: str = "grace", epoch: int | None = None) -> list[Decision]:
        """An operator's word."""
        return self.take(Controlled(word, by, "because", epoch))

    def second(self, *verdicts: Verdict, **fields: Any) -> list[Decision]:
        """One pane with these verdicts, or one that passes."""
        known: dict[str, Any] = {"silent_ms": 0, "silent_cohorts": (), "broken": False, "trusted": True}
        begun, self.now = self.now, self.now + 1_000
        found = Evaluation(begun, self.now, verdicts or (verdict("a"),), **(known | {"completeness": 1.0} | fields))
        return self.take(found)


# what fails, whether and how the baseline burns, what follows: phase, and whether a person is paged
FAILING = {
    "a limit": ([limit()], Phase.ROLLED_BACK, False),
    "a comparison": ([worse()], Phase.ROLLED_BACK, False),
    "a limit, critical": ([limit(severity="critical")], Phase.ROLLED_BACK, False),
    "a limit of both": ([limit(baseline_beyond=True)], Phase.PAUSED, True),
    "a limit of both, and worse": ([replace(limit(baseline_beyond=True), rejected=True)], Phase.ROLLED_BACK, False),
    "its own limit beside a shared one": (
        [limit(baseline_beyond=True), limit("b")],
        Phase.ROLLED_BACK,
        False,
    ),
    "worse while the baseline burns elsewhere": (
        [worse(), verdict("b", baseline_beyond=True)],
        Phase.HELD,
        True,
    ),
    "only the baseline burns": ([verdict("a", baseline_beyond=True)], Phase.HELD, True),
    "the baseline burns where nobody is asked": (
        [limit(), verdict("b", severity="advisory", on_fail="notify", baseline_beyond=True)],
        Phase.ROLLED_BACK,
        False,
    ),
    "on_fail pause": ([limit(on_fail="pause")], Phase.PAUSED, True),
    "on_fail pause, shared": ([limit(on_fail="pause", baseline_beyond=True)], Phase.PAUSED, True),
    "on_fail hold": ([limit(on_fail="hold")], Phase.HELD, True),
    "on_fail notify": ([limit(on_fail="notify")], Phase.BAKING, False),
    "hold and pause": ([limit(on_fail="hold"), limit("b", on_fail="pause")], Phase.PAUSED, True),
    "pause and rollback": ([limit(on_fail="pause"), limit("b")], Phase.ROLLED_BACK, False),
    "advisory": ([limit(severity="advisory", on_fail="notify")], Phase.BAKING, False),
    "dry run": ([worse(severity="dry_run", on_fail="notify")], Phase.BAKING, False),
    "nothing": ([verdict("a")], Phase.BAKING, False),
}


@pytest.mark.parametrize("case", FAILING)
def test_what_fails_and_what_follows(case: str) -> None:
    """One pane with these verdicts, from baking."""
    verdicts, phase, paged = FAILING[case]
    hand = Hand()
    decisions = hand.second(*verdicts)
    assert hand.state.phase is phase
    assert [decision.escalate for decision in decisions] == ([] if phase is Phase.BAKING else [paged])
    for decision in decisions:
        assert decision.reason


@pytest.mark.parametrize("case", [case for case, (_, phase, _) in FAILING.items() if phase is Phase.ROLLED_BACK])
@pytest.mark.parametrize(
    "amiss",
    [
        {"broken": True},
        {"silent_ms": 400_000, "silent_cohorts": ("stable",)},
        {"trusted": False, "untrusted_ms": 60_000},
        {"doubts": ("sample ratio mismatch: ...",)},
    ],
    ids=lambda amiss: next(iter(amiss)),
)
def test_nothing_that_is_amiss_masks_a_rollback(case: str, amiss: dict[str, Any]) -> None:
    """Broken, silent, incomplete or doubted data: what fails is rolled back all the same, paused or not."""
    for paused in (False, True):
        hand = Hand()
        if paused:
            hand.say(Signal.OPERATOR_PAUSE)
        (decision,) = hand.second(*FAILING[case][0], **amiss)
        assert decision.action is Action.ROLLBACK


def test_doubts_hold_and_are_published_once() -> None:
    """The same doubt is one decision; when it has been gone for `hold_after` the stage bakes on by itself."""
    hand = Hand()
    doubted = [hand.second(doubts=("contamination: 5 of 9",)) for _ in range(3)]
    assert [decision.action for found in doubted for decision in found] == [Action.HOLD]
    assert doubted[0][0].reason == "contamination: 5 of 9"
    after = [decision for _ in range(hand.state.policy.no_data.hold_after_ms // 1_000) for decision in hand.second()]
    (resumed,) = after
    assert (resumed.action, resumed.reason) == (
        Action.RESUME,
        "traffic is split as ordered again; stage tenth continues to bake",
    )


def test_approval_is_waited_for_and_noted() -> None:
    """Baked and passed: held until a person approves; the advance has the name, and the next stage has not."""
    hand = Hand([STAGE | {"approval": True}, LAST | {"approval": True}])
    found = [decision for _ in range(5) for decision in hand.second()]
    assert [decision.action for decision in found] == [Action.HOLD]
    assert not found[0].escalate
    assert hand.say(Signal.OPERATOR_APPROVE) == []
    (advance,) = hand.second()
    assert (advance.action, advance.approved_by) == (Action.ADVANCE, "grace")
    assert advance.reason == "stage tenth passed after 3s, approved by grace: a: PASS"
    hand.ack()
    later = [decision for _ in range(5) for decision in hand.second()]
    assert [(decision.action, decision.approved_by) for decision in later] == [(Action.HOLD, None)]


def test_an_approval_is_no_leave_to_skip_the_bake_or_a_check() -> None:
    """Given on the first second it is kept; the stage is left when it is baked and passes, and not before."""
    hand = Hand([STAGE | {"approval": True}, LAST])
    hand.say(Signal.OPERATOR_APPROVE)
    assert hand.second() + hand.second() == []
    (held,) = hand.second(verdict("a", VerdictKind.INCONCLUSIVE))
    assert (held.action, held.approved_by) == (Action.HOLD, None)
    (advance,) = hand.second()
    assert (advance.action, advance.approved_by) == (Action.ADVANCE, "grace")


def test_an_approval_that_makes_no_sense_is_refused() -> None:
    """Of a stage that asks for none, of another epoch, or while paused: answered, and nothing noted."""
    plain, asking, paused = Hand(), Hand([STAGE | {"approval": True}]), Hand([STAGE | {"approval": True}])
    plain.say(Signal.OPERATOR_APPROVE)
    asking.say(Signal.OPERATOR_APPROVE, epoch=7)
    paused.say(Signal.OPERATOR_PAUSE)
    paused.say(Signal.OPERATOR_APPROVE)
    for hand, words in ((plain, "needs no approval"), (asking, "epoch is 1, not 7"), (paused, "is paused")):
        assert hand.state.control is not None
        assert not hand.state.control.accepted
        assert words in hand.state.control.reason
        assert hand.state.progress.approved_by is None


def test_passes_are_counted_in_a_row() -> None:
    """One pane that is not passed starts the count again; the stage is left on the pane that completes it."""
    hand = Hand([STAGE | {"passes": 4}, LAST])
    assert [hand.second() for _ in range(2)] == [[], []]
    (held,) = hand.second(verdict("a", VerdictKind.INCONCLUSIVE))
    assert held.action is Action.HOLD
    assert [decision.action for _ in range(3) for decision in hand.second()] == []
    assert hand.state.progress.passes == 3
    (advance,) = hand.second()
    assert advance.action is Action.ADVANCE
    assert hand.state.progress.passes == 0


@pytest.mark.parametrize(
    ("spoilt", "passes"), [({"trusted": False}, 0), ({"silent_ms": 1_000, "silent_cohorts": ("canary",)}, 3)]
)
def test_a_pane_without_news_or_trust_is_no_pass(spoilt: dict[str, Any], passes: int) -> None:
    """Incomplete telemetry interrupts the row as well; a second without requests neither counts nor interrupts it."""
    hand = Hand([STAGE | {"passes": 4, "bake": "1s"}, LAST])
    for _ in range(3):
        hand.second()
    hand.second(**spoilt)
    assert hand.state.progress.passes == passes


def test_a_warm_up_is_not_baked() -> None:
    """The bake begins when the warm-up after the ack is over; a FAIL of a limit meanwhile counts at once."""
    hand = Hand([STAGE | {"warmup": "4s"}, LAST])
    found = [[decision.action for decision in hand.second()] for _ in range(7)]
    assert found == [[]] * 6 + [[Action.ADVANCE]]
    cold = Hand([STAGE | {"warmup": "4s"}, LAST])
    assert [decision.action for decision in cold.second(limit())] == [Action.ROLLBACK]


def test_a_new_policy_names_the_epoch_it_replaces() -> None:
    """A start with the same policy does not mention it; one with another policy names the epoch before."""
    hand = Hand()
    other = replace_policy(hand.state, min_requests=21)
    for given, words in (
        (hand.policy, "ada started epoch 2 of r at stage tenth (reason: why)"),
        (other, "ada started epoch 3 of r with a new policy, at stage tenth (reason: why)"),
    ):
        (decision,) = hand.take(Started(given, "ada", "why"))
        assert decision.reason == words
    assert hand.state.epoch == 3


def replace_policy(state: RolloutState, **changes: Any) -> Any:
    """The state's policy with other fields."""
    return type(state.policy).parse({**state.policy.document(), **changes})


def test_a_step_reports_what_happened() -> None:
    """An ack confirms a stage once, an advance enters the next, a rollback ends it all; a quiet pane is no fact."""
    hand = Hand()
    found = [hand.facts]
    decisions = []
    for _ in range(3):
        decisions += hand.second()
        found.append(hand.facts)
    for _ in range(2):
        hand.ack()
        found.append(hand.facts)
    decisions += hand.second(limit())
    found.append(hand.facts)
    advance, rollback = decisions
    assert found == [
        (StageConfirmed(T0),),
        (),
        (),
        (StageEntered(1, T0 + 3_000), Decided(advance)),
        (StageConfirmed(T0 + 3_000),),
        (),
        (Decided(rollback), Ended()),
    ]


def test_a_held_rollout_resumes_by_itself_only() -> None:
    """An operator's resume is refused, with what it waits for."""
    hand = Hand()
    hand.second(doubts=("no split",))
    assert hand.say(Signal.OPERATOR_RESUME) == []
    assert hand.state.control is not None
    assert "resumes by itself when the cause is gone" in hand.state.control.reason


@pytest.mark.parametrize(
    "changes", [{"epoch": 7}, {"sequence": 99}, {"weights": {"canary": 1.0}}, {"status": "failed"}]
)
def test_an_ack_of_something_else_confirms_nothing(changes: dict[str, Any]) -> None:
    """Of another epoch, of a decision that was never made, of other weights, or of a failure to apply them."""
    hand = Hand()
    (advance,) = [decision for _ in range(3) for decision in hand.second()]
    hand.take(replace(Acked(advance.epoch, advance.sequence, "applied", advance.weights, "x"), **changes))
    assert hand.state.progress.confirmed_at is None
    hand.ack()
    assert hand.state.progress.confirmed_at is not None


def test_after_the_end_no_pane_counts() -> None:
    """A rollout that was rolled back is not decided again."""
    hand = Hand()
    hand.second(limit())
    assert hand.second(limit()) == []


def test_an_order_without_an_ack_pages_after_its_tries() -> None:
    """It is sent again each time it is due; after the last try a person is paged, and the next round begins."""
    hand = Hand()
    for _ in range(3):
        hand.second()
    found = []
    for _ in range(hand.policy.commands.tries):
        hand.now += hand.policy.commands.ack_within_ms
        found += hand.take(Ticked())
    assert found[-1].escalate
    assert hand.state.pending is not None
    assert hand.state.pending.rounds == 1


def test_a_resume_gives_the_stage_its_time_again() -> None:
    """The timeout counts from the resume of an operator."""
    hand = Hand()
    hand.say(Signal.OPERATOR_PAUSE)
    hand.now += 60_000
    hand.say(Signal.OPERATOR_RESUME)
    assert hand.state.progress.timed_from == hand.now
