"""One simulated rollout: the real gate, panes of a scenario, and an actuator that confirms each order at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gates.decisions import Action, Decision
from gates.gate import Gate
from gates.machine.facts import Output
from gates.machine.rollout import Moment, Started
from gates.machine.transitions import Phase
from gates.panes import Pane
from gates.policy import Policy
from gates.rules import CURRENT
from streams.offline.simulation.scenario import Scenario
from streams.offline.simulation.traffic import panes
from streams.offline.stand_in_acks import applied, stand_ins

START_MS = 1_767_225_600_000
"""The event time at which every simulated rollout starts: 2026-01-01, so that runs are the same on every day."""


@dataclass(frozen=True, slots=True)
class SimulatedDecision:
    """A decision; `at_ms` is since the start, `weight` the candidate's share of the traffic from then on."""

    at_ms: int
    action: Action
    stage: str
    weight: float
    reason: str


@dataclass(frozen=True, slots=True)
class SimulatedRun:
    """The course of one simulated rollout: run `number` of `seed`.

    `end` is its last phase, at `stage`, after `requests` of both cohorts together; `harmful_at_ms` is when the
    candidate became worse (None: never). `rules` is the number of the rules that judged.
    """

    seed: int
    number: int
    actions: tuple[SimulatedDecision, ...]
    end: Phase
    stage: str
    requests: int
    harmful_at_ms: int | None
    rules: int = CURRENT

    @property
    def rollback_ms(self) -> int | None:
        """When it was rolled back."""
        return next((decision.at_ms for decision in self.actions if decision.action is Action.ROLLBACK), None)

    @property
    def falsely_rolled_back(self) -> bool:
        """Whether it was rolled back while nothing was wrong with the candidate."""
        at_ms = self.rollback_ms
        return at_ms is not None and (self.harmful_at_ms is None or at_ms <= self.harmful_at_ms)

    @property
    def falsely_advanced(self) -> bool:
        """Whether a bad candidate was given more traffic."""
        widening = [decision.at_ms for decision in self.actions if decision.action in (Action.ADVANCE, Action.PROMOTE)]
        return self.harmful_at_ms is not None and any(at_ms > self.harmful_at_ms for at_ms in widening)

    @property
    def delay_ms(self) -> int | None:
        """From the time at which the candidate became worse to the rollback; None without a rollback after that."""
        if self.harmful_at_ms is None or self.rollback_ms is None or self.falsely_rolled_back:
            return None
        return self.rollback_ms - self.harmful_at_ms


def simulate_run(
    policy: Policy,
    scenario: Scenario,
    seed: int,
    number: int,
    on_pane: Callable[[Pane], object] | None = None,
    rules: int = CURRENT,
) -> SimulatedRun:
    """Run `number` of `seed`, which gives the same result on any machine and beside any other runs.

    `on_pane`, if given, is called with each pane that the gate judged. `rules` is the number of the rules that judge.
    """
    # With this key, run N draws what the N-th child of SeedSequence(seed).spawn() would, whichever runs there are.
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))
    moment, requests = _moment(START_MS), 0
    gate, outputs = Gate.begin(None, Started(policy, "simulate", "", rules), moment)
    actions = _confirmed(gate, outputs, moment)
    for pane in panes(scenario, rng, START_MS, policy.pane_ms, lambda: actions[-1].weight, policy.cohorts):
        moment = _moment(pane.end)
        actions.extend(_confirmed(gate, gate.pane(pane, moment), moment))
        requests += sum(cell.requests for cell in pane.cells.values())
        if on_pane is not None:
            on_pane(pane)
        if gate.ended:
            break
    state = gate.state
    stage = state.stage.name
    harmful_at_ms = scenario.harmful_at_ms
    return SimulatedRun(seed, number, tuple(actions), state.phase, stage, requests, harmful_at_ms, rules)


def _moment(now: int) -> Moment:
    return Moment(event_time=now, newest=now, wall=now, journal=(0, 0))


def _confirmed(gate: Gate, outputs: tuple[Output, ...], moment: Moment) -> list[SimulatedDecision]:
    """The decisions among the outputs, each confirmed."""
    confirmed = []
    for output in outputs:
        if isinstance(output, Decision):
            for actuator in stand_ins(gate.state.policy, "simulate"):
                gate.ack(applied(output, actuator), moment)
            weight = output.weights[gate.state.policy.cohorts.candidate] / 100.0
            at_ms = moment.event_time - START_MS
            confirmed.append(SimulatedDecision(at_ms, output.action, output.stage, weight, output.reason))
    return confirmed
