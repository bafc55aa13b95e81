"""From panes to evaluations: the evidence of one rollout in one epoch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from gates.comparison.count_evidence import BlockState
from gates.comparison.evidence import SUSPICION
from gates.evidence.cohort_windows import Look, TrafficWindows, WindowsState
from gates.evidence.completeness import Completeness
from gates.evidence.indicators import Indicators
from gates.evidence.traffic_split import SplitState, TrafficSplit
from gates.evidence_view import EvidenceView, PaneUse
from gates.panes import Pane
from gates.policy import Policy, Stage
from gates.policy.checks import checks_for, joint_test_of
from gates.rules import CURRENT, RULES, JudgingRules
from gates.slis.definition import Check
from gates.stats.largest_blocks import BlockReport
from gates.verdicts import Combined, Evaluation, Verdict, VerdictKind, significant


@dataclass(slots=True)
class _Stage:
    """`confirmed_at` is the event time from which the stage's weights are confirmed, None before.

    `failing` names the checks that failed on the last pane.
    """

    index: int
    ordered_at: int
    confirmed_at: int | None
    completeness: Completeness
    failing: tuple[str, ...] = ()

    def use(self, pane: Pane, stage: Stage, *, baseline_beyond: bool) -> PaneUse:
        """How a pane of this stage counts."""
        warm_from = (self.ordered_at if self.confirmed_at is None else self.confirmed_at) + (stage.warmup_ms or 0)
        warming = stage.warmup_ms is not None and pane.start < warm_from
        confirmed = self.confirmed_at is not None and pane.start >= self.confirmed_at
        # While the baseline breaks a limit any candidate compares well, so the next pane supports no advance.
        eligible = pane.complete and confirmed and not warming and not baseline_beyond
        return PaneUse(eligible, stage.weight < 1.0, warming, stage.bake_ms)


@dataclass(frozen=True, slots=True)
class EvidenceState:
    """What a snapshot holds of the evidence; `checks` is each check's own."""

    stage: _Stage
    baseline_beyond: bool
    checks: dict[str, Any]
    split: SplitState
    windows: WindowsState


class RolloutEvidence:
    """All that the gate remembers of the panes of one epoch: sliding windows, the stage's counts, the checks' evidence.

    `enter_stage` and `confirm_stage` follow what happens to the rollout.
    """

    def __init__(self, policy: Policy, started_at: int, rules: JudgingRules = RULES[CURRENT]) -> None:
        self.joint_test = joint_test_of(policy)
        self._policy = policy
        self._rules = rules
        self._names = (policy.cohorts.candidate, policy.cohorts.baseline)
        self._windows = TrafficWindows(policy, started_at)
        self._checks: dict[str, Check] = checks_for(policy, self._windows.trailing, rules)
        self._looks = {name: self._windows.look(policy.judged[name]) for name in self._checks}
        judged_from = policy.min_requests if rules.requests_as_ordered else None
        self._split = TrafficSplit(policy.cohorts, policy.data_quality, policy.confidence.rollback, judged_from)
        self._stage = self._stage_at(0, started_at)
        self._baseline_beyond = False

    def _stage_at(self, index: int, ordered_at: int) -> _Stage:
        needed = self._needed(index) if self._rules.cohort_completeness else ()
        return _Stage(index, ordered_at, None, Completeness.begin(ordered_at, self._names, needed))

    def _needed(self, index: int) -> tuple[str, ...]:
        """The cohorts that should have traffic in a stage."""
        return self._names if self._policy.stages[index].weight < 1.0 else self._names[:1]

    @property
    def _weight(self) -> float:
        return self._policy.stages[self._stage.index].weight

    def enter_stage(self, index: int, ordered_at: int) -> None:
        """A stage was ordered: reset totals and the evidence for an advance; the evidence for a rollback continues."""
        self._stage = self._stage_at(index, ordered_at)
        self._windows.enter_stage()
        for check in self._checks.values():
            check.enter_stage()

    def confirm_stage(self, confirmed_at: int) -> None:
        """The stage's weights are confirmed from this event time on: panes after its warm-up may support an advance."""
        self._stage.confirmed_at = confirmed_at
        self._windows.confirm_stage()
        self._split.start(self._weight)

    def observe(self, pane: Pane) -> Evaluation:
        """Add the next pane and evaluate."""
        stage = self._policy.stages[self._stage.index]
        seen = self._stage.use(pane, stage, baseline_beyond=self._baseline_beyond)
        # Checks first: a comparison takes its threshold from the windows as of the pane before, never from this pane.
        for check in self._checks.values():
            check.observe(pane, seen)
        self._windows.push(pane, seen)
        if seen.eligible:
            self._split.observe(pane)
        trusted = self._stage.completeness.observe(pane, self._policy.min_completeness)
        return self._evaluation(pane, trusted=trusted)

    def _evaluation(self, pane: Pane, *, trusted: bool) -> Evaluation:
        stage, completeness = self._stage, self._stage.completeness
        needed, last = self._needed(stage.index), self._windows.last_request
        silences = {name: pane.end - max(last[name], stage.ordered_at) for name in needed}
        longest = max(silences.values())
        noticed = min(longest, self._policy.no_data.hold_after_ms)
        verdicts, combined = self._verdicts(broken=pane.broken)
        if self._rules.failing_needs_requests:
            verdicts = self._begun_with_requests(verdicts, pane)
        baseline = self._windows.baseline
        return Evaluation(
            start=pane.start,
            end=pane.end,
            verdicts=verdicts,
            silent_ms=longest,
            silent_cohorts=tuple(name for name, silence in silences.items() if silence >= noticed),
            broken=pane.broken,
            trusted=trusted,
            completeness=significant(completeness.share),
            on_time=completeness.on_time,
            telemetry=dict(completeness.cohorts),
            least_complete=completeness.least_complete,
            lately=completeness.lately,
            untrusted_ms=pane.end - completeness.trusted_at,
            combined=combined,
            doubts=self._split.doubts() if stage.confirmed_at is not None else (),
            unsettled=self._split.unsettled() if stage.confirmed_at is not None else "",
            baseline_alive_at=baseline.success_at if self._weight < 1.0 else baseline.heartbeat_at,
        )

    def _verdicts(self, *, broken: bool) -> tuple[tuple[Verdict, ...], Combined | None]:
        e_values = {name: check.worse for name, check in self._checks.items()}
        joint = self.joint_test.evaluate({name: value for name, value in e_values.items() if value is not None})
        views = {look: self._view(look, joint.rejected, broken=broken) for look in set(self._looks.values())}
        verdicts = tuple(check.verdict(views[self._looks[name]]) for name, check in self._checks.items())
        self._baseline_beyond = any(verdict.baseline_beyond and verdict.required for verdict in verdicts)
        return verdicts, None if joint.e_value is None else Combined(joint.e_value, joint.threshold)

    def _begun_with_requests(self, verdicts: tuple[Verdict, ...], pane: Pane) -> tuple[Verdict, ...]:
        """The verdicts, in which no check that rolls back begins to fail on a pane without a request of the candidate.

        In silence good requests may leave a window before the bad ones do: then time alone would roll back.
        """
        failing = [verdict for verdict in verdicts if verdict.kind is VerdictKind.FAIL]
        name = self._names[0]
        if failing and not pane.cell(name).requests and not pane.synthetic_cell(name).requests:
            why = f"; {name} has had no request since, and silence alone rolls nothing back"
            before = self._stage.failing
            begun = [each for each in failing if each.on_fail == "rollback" and each.name not in before]
            verdicts = tuple(each.inconclusive(why) if each in begun else each for each in verdicts)
            failing = [each for each in failing if each not in begun]
        self._stage.failing = tuple(verdict.name for verdict in failing)
        return verdicts

    def _view(self, look: Look, rejected: frozenset[str], *, broken: bool) -> EvidenceView:
        return EvidenceView(
            self._windows.view(look, self._names[0]),
            self._windows.view(look, self._names[1]),
            self._weight,
            self._weight < 1.0,
            broken,
            self._policy.min_requests,
            self._stage.ordered_at,
            rejected,
            self._rules,
            self._policy.stages[self._stage.index].proves,
        )

    def indicators(self) -> Indicators:
        """The figures of each cohort for people and dashboards."""
        return Indicators.of({name: self._windows.longest(name) for name in self._names})

    def eligible(self) -> dict[str, int]:
        """How many requests of each cohort may support an advance."""
        return {name: self._windows.eligible(name) for name in self._names}

    def with_intervals(self, verdicts: tuple[Verdict, ...]) -> tuple[Verdict, ...]:
        """The verdicts with what is shown beside them, intervals and blocks.

        That is too slow for each pane, so only decisions have it.
        """
        return tuple(
            replace(
                verdict,
                intervals=self._checks[verdict.name].intervals(self._windows.main_windows(self._looks[verdict.name])),
                blocks=_against(verdict, self._checks[verdict.name].blocks),
            )
            for verdict in verdicts
        )

    def blocks(self) -> dict[str, BlockState]:
        """By check, how its evidence stands, of those that gather it in blocks."""
        states = ((name, check.blocks) for name, check in self._checks.items())
        return {name: state for name, state in states if state is not None}

    def state(self) -> EvidenceState:
        """Everything, for a snapshot."""
        checks = {name: check.evidence for name, check in self._checks.items()}
        return EvidenceState(self._stage, self._baseline_beyond, checks, self._split.state(), self._windows.state())

    def restore(self, state: EvidenceState) -> None:
        """Continue, bit for bit, from what `state` returned."""
        self._stage, self._baseline_beyond = state.stage, state.baseline_beyond
        for name, check in self._checks.items():
            check.evidence = state.checks[name]
        self._split.restore(state.split)
        self._windows.restore(state.windows)


def _against(verdict: Verdict, blocks: BlockState | None) -> BlockReport | None:
    """What made the evidence against the candidate, where there is enough to decide something or to prevent it."""
    if blocks is None or not (verdict.rejected or blocks.report.whole >= SUSPICION):
        return None
    return blocks.report
