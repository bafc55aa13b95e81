"""The gate's decisions on the traffic of a test: recorded events as in `replay`, simulated panes directly."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import cast

import numpy as np

from gates.decisions import Decision
from gates.gate import Gate, refuse_start
from gates.machine.facts import Output
from gates.machine.rollout import Controlled, Moment, Started
from gates.policy import Policy
from gates.rules import CURRENT
from streams.cells import CELL_MS
from streams.journal import Control, ControlName, SequencedRecord, Start
from streams.judge.rollout import CONTROLS
from streams.offline.event_lines import EventLines
from streams.offline.policy_tests.document import OperatorOrder, PolicyTest
from streams.offline.replay import Replay, distinct_decisions
from streams.offline.simulation.run import START_MS
from streams.offline.simulation.scenario import Scenario
from streams.offline.simulation.traffic import panes
from streams.offline.stand_in_acks import applied, stand_ins

BY = "test"


@dataclass(slots=True)
class JudgedTraffic:
    """The decisions, each once, the start of the rollout, and the lines that are not events, by reason."""

    decisions: list[Decision]
    start_ms: int
    faults: Counter[str] = field(default_factory=Counter)


def judge_events(test: PolicyTest, policy: Policy, lines: Sequence[bytes]) -> JudgedTraffic | None:
    """Judge recorded events, as NDJSON lines; None if no line is an event."""
    first = next(EventLines().timed(lines), None)
    if first is None:
        return None
    start_ms = first[1] - first[1] % CELL_MS
    orders = [(start_ms + order.at_ms, _order_record(order, policy, start_ms)) for order in _by_time(test.controls)]
    replay = Replay(policy, acks=test.acks == "auto")
    found = list(distinct_decisions(replay.run(lines, orders)))
    return JudgedTraffic(found, found[0].event_time if found else start_ms, replay.source.faults)


def _by_time(orders: Iterable[OperatorOrder]) -> list[OperatorOrder]:
    return sorted(orders, key=lambda order: order.at_ms)


def _order_record(order: OperatorOrder, policy: Policy, start_ms: int) -> SequencedRecord:
    at = start_ms + order.at_ms
    if order.control == "start":
        return Start(
            rollout=policy.rollout,
            policy=policy.document(),
            by=order.by,
            reason=order.reason,
            at=at,
            rules=CURRENT,
            confirmed=order.confirmed,
            replace=order.replace,
            override_freeze=order.override_freeze,
        )
    return Control(
        rollout=policy.rollout,
        control=cast("ControlName", order.control),
        by=order.by,
        reason=order.reason,
        at=at,
        stage=order.stage,
        confirmed=order.confirmed,
        override_freeze=order.override_freeze,
    )


def judge_traffic(test: PolicyTest, policy: Policy, scenario: Scenario) -> JudgedTraffic:
    """Judge simulated traffic, drawn by the test's seed and always split as the gate ordered last."""
    return JudgedTraffic(list(distinct_decisions(_Simulation(test, policy).run(scenario))), START_MS)


@dataclass(slots=True)
class _Simulation:
    test: PolicyTest
    policy: Policy
    _gate: Gate = field(init=False)
    _inputs: Iterator[int] = field(default_factory=count)

    def run(self, scenario: Scenario) -> Iterator[Output]:
        waiting = deque(_by_time(self.test.controls))
        rng = np.random.default_rng(np.random.SeedSequence(self.test.seed, spawn_key=(self.test.run,)))
        yield from self._start(None, Started(self.policy, BY, ""), START_MS)
        for pane in panes(scenario, rng, START_MS, self.policy.pane_ms, self._weight, self.policy.cohorts):
            while waiting and START_MS + waiting[0].at_ms <= pane.start:
                yield from self._order(waiting.popleft(), pane.start)
            yield from self._acknowledged(self._gate.pane(pane, self._moment(pane.end)), pane.end)
            yield from self._gate.tick(self._moment(pane.end))
            if self._gate.ended and not waiting:
                return
        for order in waiting:
            yield from self._order(order, START_MS + order.at_ms)

    def _weight(self) -> float:
        last = self._gate.state.last
        return 0.0 if last is None else last.weights[self.policy.cohorts.candidate] / 100.0

    def _moment(self, now: int) -> Moment:
        return Moment(event_time=now, newest=now, wall=now, journal=(0, next(self._inputs)))

    def _start(self, before: Gate | None, given: Started, now: int) -> tuple[Output, ...]:
        moment = self._moment(now)
        if before is not None and refuse_start(before, given, moment):
            return ()
        self._gate, outputs = Gate.begin(before, given, moment)
        return self._acknowledged(outputs, now)

    def _order(self, order: OperatorOrder, now: int) -> tuple[Output, ...]:
        flags = {"confirmed": order.confirmed, "override_freeze": order.override_freeze}
        if order.control == "start":
            given = Started(self.policy, order.by, order.reason, replace=order.replace, **flags)
            return self._start(self._gate, given, now)
        controlled = Controlled(CONTROLS[order.control], order.by, order.reason, stage=order.stage, **flags)
        return self._acknowledged(self._gate.control(controlled, self._moment(now)), now)

    def _acknowledged(self, outputs: tuple[Output, ...], now: int) -> tuple[Output, ...]:
        for each in outputs if self.test.acks == "auto" else ():
            if isinstance(each, Decision):
                for actuator in stand_ins(self.policy, BY):
                    self._gate.ack(applied(each, actuator), self._moment(now))
        return outputs
