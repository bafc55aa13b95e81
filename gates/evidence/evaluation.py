"""From panes to verdicts: the evidence of one rollout in one epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from math import fsum
from typing import Any

from gates.evidence.traffic_split import Assignment
from gates.panes import NOTHING, Cell, Pane
from gates.policy import Policy
from gates.policy.checks import Sample
from gates.slis.registry import TRAILING_MS, Arm, Check, JointTest, Seen, View, checks_for, sample_of
from gates.stats.mixture import START_BLOCK
from gates.stats.quantile_interval import interval as quantile_interval
from gates.verdicts import Combined, Evaluation, Verdict, significant
from gates.windows import CohortWindow, dump_panes, load_panes

LATE_STARTS = 2
"""The prior over starts of a degradation spans so many times the sum of all bake times."""

INTERVAL_AT = 10_000
"""The displayed interval of a quantile is tightest at about so many requests."""

BUDGET_WINDOW_MS = 60_000
"""The window kept for a budget whose policy has no check on users' requests."""

Key = tuple[Sample, str]
"""A sample of the traffic, and a cohort."""

Look = tuple[Sample, tuple[int, ...]]
"""A sample of the traffic, and the lengths of the windows on it that a check looks at, in milliseconds."""


@dataclass(slots=True)
class StageEvidence:
    """What was seen since the stage was ordered; `seen` leaves out its warm-up.

    `confirmed_at` is when its weights were in force (event time).
    """

    index: int = 0
    ordered_at: int = 0
    confirmed_at: int | None = None
    seen: dict[Key, Cell] = field(default_factory=dict)
    eligible: dict[Key, int] = field(default_factory=dict)
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

    def dump(self) -> dict[str, Any]:
        """State as JSON values."""
        seen = [[*key, *Cell(cell.counts, detail=cell.detail).dump()] for key, cell in self.seen.items()]
        eligible = [[*key, number] for key, number in self.eligible.items()]
        plain = {known.name: getattr(self, known.name) for known in fields(self)}
        return plain | {"seen": seen, "eligible": eligible}

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> StageEvidence:
        """The evidence that `dump` described."""
        seen = {(sample, name): Cell.load(cell) for sample, name, *cell in state["seen"]}
        eligible = {(sample, name): number for sample, name, number in state["eligible"]}
        return cls(**{**state, "seen": seen, "eligible": eligible})


class EvidenceOfRollout:
    """All that the gate remembers of the panes of one epoch: sliding windows, stage sums, the checks' evidence."""

    def __init__(self, policy: Policy, started_at: int) -> None:
        self._policy = policy
        cohorts = policy.cohorts
        self._names = (cohorts.candidate, cohorts.baseline)
        panes = LATE_STARTS * sum(stage.bake_ms for stage in policy.stages) / policy.pane_ms
        blocks = max(1, round(panes / START_BLOCK))
        self.joint_test = JointTest.of(policy)
        self._assignment = Assignment(cohorts, policy.data_quality, policy.confidence.rollback)
        self._samples: dict[Sample, set[int]] = {}
        for definition in policy.checks.values():
            self._samples.setdefault(definition.traffic, set()).update(definition.windows())
        if policy.budget is not None:
            self._samples.setdefault("real", {BUDGET_WINDOW_MS})
        self._picks = {sample: sample_of(sample) for sample in self._samples}
        self._windows = self._new_windows()
        self._fresh = self._new_windows()
        base = {sample: self._windows[sample, cohorts.baseline] for sample in self._samples}
        self._trailing = {sample: CohortWindow(TRAILING_MS) for sample in base if TRAILING_MS not in base[sample]}
        trailing: dict[str, CohortWindow] = {s: self._trailing.get(s) or base[s][TRAILING_MS] for s in base}
        self._checks: dict[str, Check] = checks_for(policy, blocks, trailing)
        self._looks = {name: self._look(name) for name in self._checks}
        self._views = frozenset(self._looks.values())
        self._last_seen = dict.fromkeys(self._names, started_at)
        self._stage = StageEvidence(ordered_at=started_at, trusted_at=started_at)
        self._closed: tuple[float, dict[str, object]] | None = None  # what `rps` and `slis` said last
        self._burning = False  # whether the baseline broke a limit on the last pane: what follows proves nothing good

    def _new_windows(self) -> dict[Key, dict[int, CohortWindow]]:
        return {
            (sample, name): {length: CohortWindow(length) for length in lengths}
            for sample, lengths in self._samples.items()
            for name in self._names
        }

    def enter_stage(self, index: int, ordered_at: int) -> None:
        """A stage was ordered: sums and advance evidence start anew, rollback evidence goes on."""
        self._stage = StageEvidence(index, ordered_at, trusted_at=ordered_at)
        for check in self._checks.values():
            check.enter_stage()

    def confirm_stage(self, confirmed_at: int) -> None:
        """The stage's weights are in force from this event time on: panes after its warm-up may support an advance."""
        self._stage.confirmed_at = confirmed_at
        self._fresh = self._new_windows()
        self._assignment.start(self._weight)

    @property
    def _weight(self) -> float:
        return self._policy.stages[self._stage.index].weight

    def observe(self, pane: Pane) -> Evaluation:
        """Take in the next pane and judge."""
        stage = self._stage
        seen = self._how_it_counts(pane)
        for check in self._checks.values():
            check.observe(pane, seen)
        for sample in self._samples:
            pick = self._picks[sample]
            for name in self._names:
                self._push((sample, name), pane, pick(pane, name), seen)
        for sample, trailing in self._trailing.items():
            trailing.push(pane.start, pane.end, self._picks[sample](pane, self._names[1]))
        if seen.eligible:
            self._assignment.observe(pane)
        stage.panes += 1
        stage.complete_panes += pane.complete
        stage.applied += sum(pane.cell(name).requests for name in self._names)
        stage.late += pane.late
        return self._evaluation(pane)

    def _how_it_counts(self, pane: Pane) -> Seen:
        stage, policy = self._stage, self._policy.stages[self._stage.index]
        warm_from = (stage.ordered_at if stage.confirmed_at is None else stage.confirmed_at) + (policy.warmup_ms or 0)
        warming = policy.warmup_ms is not None and pane.start < warm_from
        in_force = stage.confirmed_at is not None and pane.start >= stage.confirmed_at
        fit = pane.complete and in_force and not warming and not self._burning
        return Seen(fit, policy.weight < 1.0, warming)

    def _push(self, key: Key, pane: Pane, cell: Cell, seen: Seen) -> None:
        fresh = self._fresh[key]
        for length, window in self._windows[key].items():
            window.push(pane.start, pane.end, cell)
            fresh[length].push(pane.start, pane.end, cell if seen.eligible else NOTHING)
        if cell.requests:
            stage = self._stage
            self._last_seen[key[1]] = pane.end
            if not seen.warming:
                stage.seen[key] = stage.seen.get(key, NOTHING).merge(Cell(cell.counts, detail=cell.detail))
            if seen.eligible:
                stage.eligible[key] = stage.eligible.get(key, 0) + cell.requests

    def _evaluation(self, pane: Pane) -> Evaluation:
        stage, compared = self._stage, self._weight < 1.0
        needed = self._names if compared else self._names[:1]
        silences = {name: pane.end - max(self._last_seen[name], stage.ordered_at) for name in needed}
        longest = max(silences.values())
        noticed = min(longest, self._policy.no_data.hold_after_ms)
        trusted = pane.complete and stage.on_time >= self._policy.min_completeness
        if trusted:
            stage.trusted_at = pane.end
        verdicts, combined = self._judge(compared, pane.broken)
        return Evaluation(
            start=pane.start,
            end=pane.end,
            verdicts=verdicts,
            silent_ms=longest,
            silent_cohorts=tuple(name for name, silence in silences.items() if silence >= noticed),
            broken=pane.broken,
            trusted=trusted,
            completeness=significant(stage.completeness),
            untrusted_ms=pane.end - stage.trusted_at,
            combined=combined,
            doubts=self._assignment.doubts() if stage.confirmed_at is not None else (),
        )

    def _judge(self, compared: bool, broken: bool) -> tuple[tuple[Verdict, ...], Combined | None]:
        e_values = {name: check.worse for name, check in self._checks.items()}
        joint = self.joint_test.evaluate({name: value for name, value in e_values.items() if value is not None})
        views = {look: self._view(look, compared, broken, joint.rejected) for look in self._views}
        verdicts = tuple(check.verdict(views[self._looks[name]]) for name, check in self._checks.items())
        self._burning = any(verdict.baseline_beyond and verdict.required for verdict in verdicts)
        if joint.e_value is None:
            return verdicts, None
        return verdicts, Combined(joint.e_value, joint.threshold)

    def _look(self, name: str) -> Look:
        """Where a check looks; a budget, which is none of the checks, at the longest window."""
        definition = self._policy.checks.get(name)
        if definition is None:
            return "real", (max(self._samples["real"]),)
        return definition.traffic, definition.windows()

    def _view(self, look: Look, compared: bool, broken: bool, rejected: frozenset[str]) -> View:
        sample, lengths = look
        candidate, baseline = (self._arm((sample, cohort), lengths) for cohort in self._names)
        return View(
            candidate,
            baseline,
            self._weight,
            compared,
            broken,
            self._policy.min_requests,
            self._stage.ordered_at,
            rejected,
        )

    def _arm(self, key: Key, lengths: tuple[int, ...]) -> Arm:
        windows, fresh = self._windows[key], self._fresh[key]
        stage = self._stage.seen.get(key, NOTHING)
        eligible = self._stage.eligible.get(key, 0)
        return Arm(key[1], windows[lengths[0]], fresh[lengths[0]], windows[lengths[-1]], stage, eligible)

    def _longest(self, name: str) -> CohortWindow:
        """The longest window of a cohort, of users' requests where a check looks at them."""
        sample = "real" if "real" in self._samples else next(iter(self._samples))
        windows = self._windows[sample, name]
        return windows[max(windows)]

    def close(self) -> None:
        """The rollout has ended: keep what is shown of it, and let go of what only further panes would need."""
        self._closed = self.rps(), self.slis()
        self._windows, self._fresh, self._trailing, self._checks = {}, {}, {}, {}
        self._assignment = Assignment(self._policy.cohorts, self._policy.data_quality, self._policy.confidence.rollback)

    def slis(self) -> dict[str, object]:
        """What dashboards show: per cohort the requests, error rate and latency (ms) of the longest window."""
        if self._closed is not None:
            return self._closed[1]
        return {name: _indicators(self._longest(name)) for name in self._names}

    def rps(self) -> float:
        """Requests a second of both cohorts together, over the longest window."""
        if self._closed is not None:
            return self._closed[0]
        return fsum(window.requests * 1000.0 / window.length_ms for window in map(self._longest, self._names))

    def intervals(self) -> dict[str, dict[str, object]]:
        """What is shown beside a verdict: the ratio to the baseline, or the quantile, each with its 95 % interval."""
        out: dict[str, dict[str, object]] = {}
        if self._closed is not None:
            return out
        for name, check in self._checks.items():
            found = check.interval()
            if found is not None:
                lower, estimate, upper = (significant(number) for number in found)
                out[name] = {"ratio": {"estimate": estimate, "lower": lower, "upper": upper}}
        for name, definition in self._policy.checks.items():
            if definition.sli == "latency":
                windows = [self._windows[definition.traffic, cohort][definition.window_ms] for cohort in self._names]
                out[name] = {
                    "quantile": {
                        cohort: _ends(quantile_interval(window.latency().get(), definition.quantile, 0.05, INTERVAL_AT))
                        for cohort, window in zip(self._names, windows, strict=True)
                    }
                }
        return out

    def dump(self) -> dict[str, object]:
        """Everything as JSON values, for a snapshot."""
        if self._closed is not None:
            return {"closed": list(self._closed)}
        return {
            "checks": {name: check.evidence for name, check in self._checks.items()},
            "assignment": self._assignment.dump(),
            "burning": self._burning,
            "last_seen": dict(self._last_seen),
            "stage": self._stage.dump(),
            "windows": [[*key, dump_panes(windows[max(windows)].panes())] for key, windows in self._windows.items()],
            "fresh": [
                [*key, [start for start, _ in windows[max(windows)].panes()]] for key, windows in self._fresh.items()
            ],
            "trailing": [[sample, dump_panes(window.panes())] for sample, window in self._trailing.items()],
            "window_end": next(iter(next(iter(self._windows.values())).values())).end,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue, bit for bit, from what `dump` returned."""
        if "closed" in state:
            self.close()
            self._closed = (state["closed"][0], state["closed"][1])
            return
        for name, check in self._checks.items():
            check.evidence = state["checks"][name]
        self._assignment.load(state["assignment"])
        self._burning = state["burning"]
        self._last_seen = dict(state["last_seen"])
        self._stage = StageEvidence.load(state["stage"])
        fresh = {(sample, name): set(starts) for sample, name, starts in state["fresh"]}
        for sample, name, columns in state["windows"]:
            panes = load_panes(columns)
            young = [pane for pane in panes if pane[0] in fresh[sample, name]]
            for length, window in self._windows[sample, name].items():
                window.fill(panes, state["window_end"])
                self._fresh[sample, name][length].fill(young, state["window_end"])
        for sample, columns in state["trailing"]:
            self._trailing[sample].fill(load_panes(columns), state["window_end"])


def _ends(found: tuple[float, float | None] | None) -> list[float | None] | None:
    return None if found is None else [None if end is None else significant(end) for end in found]


def _indicators(window: CohortWindow) -> dict[str, object]:
    requests = window.requests
    out: dict[str, object] = {
        "window_ms": window.length_ms,
        "requests": requests,
        "error_rate": significant(window.errors(("5xx", "error")) / requests) if requests else None,
    }
    for word, q in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        value = window.latency().quantile(q)
        out[word] = None if value is None else significant(value)
    return out
