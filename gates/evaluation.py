"""From panes to verdicts: the evidence of one rollout in one epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gates.checks import Arm, Check, View, checks_for
from gates.panes import NOTHING, Cell, Pane
from gates.policy import Policy
from gates.stats.error_share import START_BLOCK
from gates.stats.histogram import Histogram
from gates.verdicts import Evaluation, significant
from gates.windows import CohortWindow

LATE_STARTS = 2
"""The prior over starts of a degradation spans so many times the sum of all bake times."""


@dataclass(slots=True)
class StageEvidence:
    """What was seen since the stage was ordered; `confirmed_at` is when its weights were in force (event time)."""

    index: int = 0
    ordered_at: int = 0
    confirmed_at: int | None = None
    seen: dict[str, Cell] = field(default_factory=dict)
    eligible: dict[str, int] = field(default_factory=dict)
    panes: int = 0
    complete_panes: int = 0
    applied: int = 0
    late: int = 0
    trusted_at: int = 0

    @property
    def on_time(self) -> float:
        """Share of the stage's events that came in time."""
        return self.applied / (self.applied + self.late) if self.applied + self.late else 1.0

    @property
    def completeness(self) -> float:
        """Share of the stage's panes that were complete, times the share of its events that came in time."""
        return self.on_time * (self.complete_panes / self.panes if self.panes else 1.0)


class EvidenceOfRollout:
    """All that the gate remembers of the panes of one epoch: sliding windows, stage sums, the checks' evidence."""

    def __init__(self, policy: Policy, started_at: int) -> None:
        self._policy = policy
        cohorts = policy.cohorts
        self._names = (cohorts.candidate, cohorts.baseline)
        panes = LATE_STARTS * sum(stage.bake_ms for stage in policy.stages) / policy.pane_ms
        blocks = max(1, round(panes / START_BLOCK))
        self._checks: dict[str, Check] = checks_for(policy, blocks)
        lengths = {definition.window_ms for definition in policy.checks.values()}
        self._lengths = lengths
        self._windows = self._new_windows()
        self._fresh = self._new_windows()
        self._last_seen = dict.fromkeys(self._names, started_at)
        self._stage = StageEvidence(ordered_at=started_at, trusted_at=started_at)

    def _new_windows(self) -> dict[tuple[str, int], CohortWindow]:
        return {(name, length): CohortWindow(length) for name in self._names for length in self._lengths}

    def enter_stage(self, index: int, ordered_at: int) -> None:
        """A stage was ordered: sums and advance evidence start anew, rollback evidence goes on."""
        self._stage = StageEvidence(index, ordered_at, trusted_at=ordered_at)
        for check in self._checks.values():
            check.enter_stage()

    def confirm_stage(self, confirmed_at: int) -> None:
        """The stage's weights are in force from this event time on: panes after it may support an advance."""
        self._stage.confirmed_at = confirmed_at
        self._fresh = self._new_windows()

    def observe(self, pane: Pane) -> Evaluation:
        """Take in the next pane and judge."""
        stage = self._stage
        eligible = pane.complete and stage.confirmed_at is not None and pane.start >= stage.confirmed_at
        for (name, length), window in self._windows.items():
            window.push(pane.start, pane.end, pane.cell(name))
            self._fresh[name, length].push(pane.start, pane.end, pane.cell(name) if eligible else NOTHING)
        counts = {name: pane.cell(name).requests for name in self._names}
        for name in self._names:
            if counts[name]:
                self._last_seen[name] = pane.end
                seen = stage.seen.get(name, Cell())
                stage.seen[name] = Cell(seen.merge(Cell(pane.cell(name).counts)).counts)
        if eligible:
            for name in self._names:
                stage.eligible[name] = stage.eligible.get(name, 0) + counts[name]
        stage.panes += 1
        stage.complete_panes += pane.complete
        stage.applied += sum(counts.values())
        stage.late += pane.late
        for check in self._checks.values():
            check.observe(pane, eligible=eligible)
        return self._evaluation(pane)

    def _evaluation(self, pane: Pane) -> Evaluation:
        compared = self._policy.stages[self._stage.index].weight < 1.0
        needed = self._names if compared else self._names[:1]
        silences = {name: pane.end - max(self._last_seen[name], self._stage.ordered_at) for name in needed}
        longest = max(silences.values())
        noticed = min(longest, self._policy.no_data.hold_after_ms)
        trusted = pane.complete and self._stage.on_time >= self._policy.min_completeness
        if trusted:
            self._stage.trusted_at = pane.end
        return Evaluation(
            start=pane.start,
            end=pane.end,
            verdicts=tuple(
                check.verdict(self._view(self._policy.checks[name].window_ms, compared, pane.broken))
                for name, check in self._checks.items()
            ),
            silent_ms=longest,
            silent_cohorts=tuple(name for name, silence in silences.items() if silence >= noticed),
            broken=pane.broken,
            trusted=trusted,
            completeness=significant(self._stage.completeness),
            untrusted_ms=pane.end - self._stage.trusted_at,
        )

    def _view(self, window_ms: int, compared: bool, broken: bool) -> View:
        candidate, baseline = (self._arm(name, window_ms) for name in self._names)
        return View(candidate, baseline, compared, broken, self._policy.min_requests, self._stage.ordered_at)

    def _arm(self, name: str, window_ms: int) -> Arm:
        seen = self._stage.seen.get(name, Cell())
        windows = self._windows[name, window_ms], self._fresh[name, window_ms]
        return Arm(name, *windows, seen, self._stage.eligible.get(name, 0))

    def slis(self) -> dict[str, object]:
        """What dashboards show: per cohort the requests, error rate and latency (ms) of the longest window."""
        longest = max(self._lengths)
        return {name: _indicators(self._windows[name, longest]) for name in self._names}

    def dump(self) -> dict[str, object]:
        """Everything as JSON values, for a snapshot."""
        stage = self._stage
        longest = max(self._lengths)
        return {
            "checks": {name: check.evidence for name, check in self._checks.items()},
            "last_seen": dict(self._last_seen),
            "stage": {
                "index": stage.index,
                "ordered_at": stage.ordered_at,
                "confirmed_at": stage.confirmed_at,
                "seen": {name: list(cell.counts) for name, cell in stage.seen.items()},
                "eligible": dict(stage.eligible),
                "panes": stage.panes,
                "complete_panes": stage.complete_panes,
                "applied": stage.applied,
                "late": stage.late,
                "trusted_at": stage.trusted_at,
            },
            "windows": {
                name: [
                    [start, list(cell.counts), *cell.latency.to_lists()]
                    for start, cell in self._windows[name, longest].panes()
                ]
                for name in self._names
            },
            "fresh": {name: [start for start, _ in self._fresh[name, longest].panes()] for name in self._names},
            "window_end": self._windows[self._names[0], longest].end,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue, bit for bit, from what `dump` returned."""
        for name, check in self._checks.items():
            check.evidence = state["checks"][name]
        self._last_seen = dict(state["last_seen"])
        stage = dict(state["stage"])
        stage["seen"] = {name: Cell(tuple(counts)) for name, counts in stage["seen"].items()}
        self._stage = StageEvidence(**stage)
        panes = {
            name: [
                (start, Cell(tuple(counts), Histogram.from_lists(indices, buckets)))
                for start, counts, indices, buckets in known
            ]
            for name, known in state["windows"].items()
        }
        end, pane_ms = state["window_end"], self._policy.pane_ms
        for (name, length), window in self._windows.items():
            fresh, starts = self._fresh[name, length], set(state["fresh"][name])
            for start, cell in panes[name]:
                window.push(start, start + pane_ms, cell)
                if start in starts:
                    fresh.push(start, start + pane_ms, cell)
            for moved in (window, fresh):
                moved.push(end - pane_ms, end, Cell())


def _indicators(window: CohortWindow) -> dict[str, object]:
    requests, latency = window.requests, window.latency()
    out: dict[str, object] = {
        "window_ms": window.length_ms,
        "requests": requests,
        "error_rate": significant(window.errors(("5xx", "error")) / requests) if requests else None,
    }
    for word, q in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        value = latency.quantile(q)
        out[word] = None if value is None else significant(value)
    return out
