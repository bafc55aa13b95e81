"""What the invariants have in common: settings, a small policy, and a gate fed pane by pane."""

from __future__ import annotations

import os

from hypothesis import settings

from gates.decisions import Action, Decision
from gates.gate import Gate
from gates.machine.rollout import Acked, Controlled, Moment, Started
from gates.machine.transitions import Signal
from gates.panes import CLASSES, Cell, Pane
from gates.policy import Policy
from gates.stats.histogram import Histogram
from tests.properties.journals import (
    CANDIDATE,
    CHECKS,
    ROLLOUT,
    T0,
    Document,
)

journals = settings(max_examples=int(os.environ.get("SLUICEGATE_EXAMPLES", "8")), deadline=None)
RAISING = (Action.ADVANCE, Action.PROMOTE)


def raised_by_the_gate(decision: Decision) -> bool:
    """Whether the gate itself, not an operator, advanced or promoted."""
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
        "data_quality": {"split": "100%"},  # panes by hand have what their test needs, at any weight
        "no_data": {"hold_after": "4s", "pause_after": "12s"},
        "commands": {"ack_within": "2s", "tries": 2},
        **changes,
    }


class ByHand:
    """A gate fed pane by pane, one a second."""

    def __init__(self, policy: Document, *, acked: bool = True) -> None:
        self.now = T0
        self.gate, self.outputs = Gate.begin(None, Started(Policy.parse(policy), "ada", ""), self.moment())
        if acked:
            self.ack()

    def moment(self) -> Moment:
        """Now, by every clock."""
        return Moment(self.now, self.now, self.now, (0, 0))

    def ack(self) -> None:
        """Acknowledge the last decision."""
        last = self.gate.state.last
        assert last is not None
        self.gate.ack(Acked(last.epoch, last.sequence, "applied", last.weights, "x"), self.moment())

    def control(self, word: Signal) -> None:
        """Give an operator's order."""
        self.outputs = self.gate.control(Controlled(word, "ada", ""), self.moment())

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
        pane = Pane(self.now, self.now + 1_000, cells, complete, {CANDIDATE: late}, broken)
        self.now += 1_000
        self.outputs = self.gate.pane(pane, self.moment())
        return [each.action for each in self.outputs if isinstance(each, Decision)]


def _counts(requests: int, errors: int) -> tuple[int, ...]:
    found = dict.fromkeys(CLASSES, 0) | {"2xx": requests - errors, "5xx": errors}
    return tuple(found.values())
