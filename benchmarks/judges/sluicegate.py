"""Ours: the real gate with a plain policy, one stage that bakes for the whole rollout, and no absolute limit.

The policy compares errors with 1.25 times and p95 with 1.1 times the concurrent baseline's. Everything else has its
default, except the dispersion of errors. An actuator acknowledges at once.
"""

from __future__ import annotations

from benchmarks.judges.judge import BASELINE, CANDIDATE, Ruling
from gates.decisions import Action, Decision
from gates.gate import Gate
from gates.machine.rollout import Acked, Moment, Started
from gates.panes import Pane
from gates.policy import Policy

_RULINGS: dict[Action, Ruling] = {Action.ROLLBACK: "rollback", Action.PROMOTE: "pass"}


def plain_policy(minutes: int, pane_ms: int, dispersion: float | None = None) -> Policy:
    """The policy of every case: one stage of 5%, two comparisons, and the dispersion of errors if it is known."""
    return Policy.parse(
        {
            "schema": "sluicegate.policy/v1",
            "rollout": "simulated",
            "cohorts": {"baseline": BASELINE, "candidate": CANDIDATE},
            "pane": f"{pane_ms // 1000}s",
            "stages": [{"name": "canary", "weight": "5%", "bake": f"{minutes}m"}],
            "confidence": {} if dispersion is None else {"dispersion": dispersion},
            "checks": {
                "errors": {"sli": "error_rate", "ratio": 1.25},
                "p95": {"sli": "latency", "quantile": 0.95, "ratio": 1.1},
            },
        }
    )


class SluicegateJudge:
    """Rolls back or passes when the gate decides to roll back or to promote; a hold is no ruling."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._gate: Gate | None = None

    def observe(self, pane: Pane) -> Ruling | None:
        """Judge the next pane; see `Judge`."""
        if self._gate is None:
            self._gate = self._begun(pane.start)
        outputs = self._gate.pane(pane, _moment(pane.end))
        actions = [output.action for output in outputs if isinstance(output, Decision)]
        return next((_RULINGS[action] for action in actions if action in _RULINGS), None)

    def _begun(self, start: int) -> Gate:
        gate, outputs = Gate.begin(None, Started(self._policy, "benchmark", ""), _moment(start))
        for order in outputs:
            if isinstance(order, Decision):
                gate.ack(Acked(order.epoch, order.sequence, "applied", order.weights, "benchmark"), _moment(start))
        return gate


def _moment(ms: int) -> Moment:
    return Moment(event_time=ms, newest=ms, wall=ms, journal=(0, 0))
