"""What the gate decides of a test's traffic: of recorded events as `replay` judges them, of simulated panes at once."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import cast

import numpy as np

from connectors.decoders import decode
from gates.decisions import Decision
from gates.gate import Gate
from gates.machine.rollout import Acked, Controlled, Moment, Started
from gates.machine.step import Output
from gates.policy import Policy
from streams.cells import CELL_MS
from streams.journal import Control, ControlName, SequencedRecord, Start
from streams.judge.rollout import CONTROLS
from streams.offline.policy_tests.document import PolicyTest, Word
from streams.offline.replay import Replay, decisions
from streams.offline.simulation.run import START_MS
from streams.offline.simulation.scenario import Scenario
from streams.offline.simulation.traffic import panes

BY = "test"


@dataclass(slots=True)
class Judged:
    """The decisions, each once, the start they count from, and the lines that are no events, by reason."""

    decisions: list[Decision]
    start_ms: int
    faults: Counter[str] = field(default_factory=Counter)


def judge_events(test: PolicyTest, policy: Policy, lines: Sequence[bytes]) -> Judged | None:
    """Recorded events, as NDJSON lines; None where none of the lines is an event."""
    first = next((event for line in lines for event in decode(line).counted), None)
    if first is None:
        return None
    start_ms = first.ts_ms - first.ts_ms % CELL_MS
    said = [(start_ms + word.at_ms, _spoken(word, policy, start_ms)) for word in _in_order(test.controls)]
    replay = Replay(policy, acks=test.acks == "auto")
    found = list(decisions(replay.run(lines, said)))
    return Judged(found, found[0].event_time if found else start_ms, replay.faults)


def _in_order(words: Iterable[Word]) -> list[Word]:
    return sorted(words, key=lambda word: word.at_ms)


def _spoken(word: Word, policy: Policy, start_ms: int) -> SequencedRecord:
    at = start_ms + word.at_ms
    if word.control == "start":
        return Start(rollout=policy.rollout, policy=policy.document(), by=word.by, reason=word.reason, at=at)
    return Control(
        rollout=policy.rollout, control=cast("ControlName", word.control), by=word.by, reason=word.reason, at=at
    )


def judge_traffic(test: PolicyTest, policy: Policy, scenario: Scenario) -> Judged:
    """Simulated traffic, drawn by the test's seed and split at each moment as the gate last ordered."""
    return Judged(list(decisions(_Simulation(test, policy).run(scenario))), START_MS)


@dataclass(slots=True)
class _Simulation:
    test: PolicyTest
    policy: Policy
    _gate: Gate = field(init=False)
    _inputs: Iterator[int] = field(default_factory=count)

    def run(self, scenario: Scenario) -> Iterator[Output]:
        words = deque(_in_order(self.test.controls))
        rng = np.random.default_rng(np.random.SeedSequence(self.test.seed, spawn_key=(self.test.run,)))
        yield from self._start(None, BY, "", START_MS)
        for pane in panes(scenario, rng, START_MS, self.policy.pane_ms, self._weight, self.policy.cohorts):
            while words and START_MS + words[0].at_ms <= pane.start:
                yield from self._say(words.popleft(), pane.start)
            yield from self._acknowledged(self._gate.pane(pane, self._moment(pane.end)), pane.end)
            yield from self._gate.tick(self._moment(pane.end))
            if self._gate.ended and not words:
                return
        for word in words:
            yield from self._say(word, START_MS + word.at_ms)

    def _weight(self) -> float:
        last = self._gate.state.last
        return 0.0 if last is None else last.weights[self.policy.cohorts.candidate] / 100.0

    def _moment(self, now: int) -> Moment:
        return Moment(event_time=now, newest=now, wall=now, journal=(0, next(self._inputs)))

    def _start(self, before: Gate | None, by: str, reason: str, now: int) -> tuple[Output, ...]:
        self._gate, outputs = Gate.begin(before, Started(self.policy, by, reason), self._moment(now))
        return self._acknowledged(outputs, now)

    def _say(self, word: Word, now: int) -> tuple[Output, ...]:
        if word.control == "start":
            return self._start(self._gate, word.by, word.reason, now)
        said = Controlled(CONTROLS[word.control], word.by, word.reason)
        return self._acknowledged(self._gate.control(said, self._moment(now)), now)

    def _acknowledged(self, outputs: tuple[Output, ...], now: int) -> tuple[Output, ...]:
        for each in outputs if self.test.acks == "auto" else ():
            if isinstance(each, Decision):
                self._gate.ack(Acked(each.epoch, each.sequence, True, each.weights, BY), self._moment(now))
        return outputs
