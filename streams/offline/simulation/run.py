"""One simulated rollout: the real gate, panes of a scenario, and an actuator that obeys and acknowledges at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gates.decisions import Action, Decision
from gates.gate import Gate
from gates.machine.facts import Output
from gates.machine.rollout import Acked, Moment, Started
from gates.machine.transitions import Phase
from gates.panes import Pane
from gates.policy import Policy
from streams.offline.simulation.scenario import Scenario
from streams.offline.simulation.traffic import panes

START_MS = 1_767_225_600_000
"""The event time at which every simulated rollout starts: 2026-01-01, so that runs are the same on every day."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A decision; `at_ms` since the start, `weight` the candidate's share of the traffic from then on."""

    at_ms: int
    action: Action
    stage: str
    weight: float
    reason: str


@dataclass(frozen=True, slots=True)
class Run:
    """What became of one simulated rollout: run `number` of `seed`.

    `end` is where it stood in the end, at `stage`, after so many `requests` of both cohorts; `harmful_at_ms` is when
    the candidate became worse (None: never).
    """

    seed: int
    number: int
    actions: tuple[Taken, ...]
    end: Phase
    stage: str
    requests: int
    harmful_at_ms: int | None

    @property
    def rollback_ms(self) -> int | None:
        """When it was rolled back."""
        return next((taken.at_ms for taken in self.actions if taken.action is Action.ROLLBACK), None)

    @property
    def falsely_rolled_back(self) -> bool:
        """Whether it was rolled back while nothing was wrong with the candidate."""
        at_ms = self.rollback_ms
        return at_ms is not None and (self.harmful_at_ms is None or at_ms <= self.harmful_at_ms)

    @property
    def falsely_advanced(self) -> bool:
        """Whether a candidate that was bad was given more traffic."""
        widening = [taken.at_ms for taken in self.actions if taken.action in (Action.ADVANCE, Action.PROMOTE)]
        return self.harmful_at_ms is not None and any(at_ms > self.harmful_at_ms for at_ms in widening)

    @property
    def delay_ms(self) -> int | None:
        """From when the candidate became worse to the rollback; None: no rollback for that."""
        if self.harmful_at_ms is None or self.rollback_ms is None or self.falsely_rolled_back:
            return None
        return self.rollback_ms - self.harmful_at_ms


def simulate_run(
    policy: Policy, scenario: Scenario, seed: int, number: int, seen: Callable[[Pane], object] | None = None
) -> Run:
    """Run `number` of `seed`: the same bytes whenever, wherever and beside whatever else it runs.

    `seen`, if given, is shown each pane that the gate judged.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))  # as SeedSequence.spawn would
    moment, requests = _moment(START_MS), 0
    gate, outputs = Gate.begin(None, Started(policy, "simulate", ""), moment)
    actions = _obeyed(gate, outputs, moment)
    for pane in panes(scenario, rng, START_MS, policy.pane_ms, lambda: actions[-1].weight, policy.cohorts):
        moment = _moment(pane.end)
        actions.extend(_obeyed(gate, gate.pane(pane, moment), moment))
        requests += sum(cell.requests for cell in pane.cells.values())
        if seen is not None:
            seen(pane)
        if gate.ended:
            break
    state = gate.state
    stage = state.stage.name
    return Run(seed, number, tuple(actions), state.phase, stage, requests, scenario.harmful_at_ms)


def _moment(now: int) -> Moment:
    return Moment(event_time=now, newest=now, wall=now, journal=(0, 0))


def _obeyed(gate: Gate, outputs: tuple[Output, ...], moment: Moment) -> list[Taken]:
    """The decisions among what the gate said, each acknowledged."""
    taken = []
    for output in outputs:
        if isinstance(output, Decision):
            gate.ack(Acked(output.epoch, output.sequence, True, output.weights, "simulate"), moment)
            weight = output.weights[gate.state.policy.cohorts.candidate] / 100.0
            at_ms = moment.event_time - START_MS
            taken.append(Taken(at_ms, output.action, output.stage, weight, output.reason))
    return taken
