"""The verdict of a check on one pane, and the evaluation of a pane: all verdicts and the state of the telemetry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal

from gates.stats.largest_blocks import Agreement, BlockReport, Growth
from gates.stats.ratio_interval import Interval
from gates.telemetry import CohortTelemetry


class VerdictKind(StrEnum):
    """The five kinds of verdict; only PASS advances a rollout."""

    FAIL = "FAIL"
    ERROR = "ERROR"
    NO_DATA = "NO_DATA"
    INCONCLUSIVE = "INCONCLUSIVE"
    PASS = "PASS"  # noqa: S105 - a verdict, not a password


Unit = Literal["share", "ms", "number"]

Ends = tuple[float, float | None]
"""Both ends of an interval; the upper one is None where the data does not bound it."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One cohort's figures: `value` is in the verdict's unit, None without data; `requests` is its sample."""

    requests: int
    value: float | None
    errors: int | None = None

    def document(self) -> dict[str, object]:
        """The figures as they stand in a verdict."""
        out: dict[str, object] = {"requests": self.requests}
        if self.errors is not None:
            out["errors"] = self.errors
        out["value"] = None if self.value is None else significant(self.value)
        return out


@dataclass(frozen=True, slots=True)
class Intervals:
    """95 % intervals for display: the candidate's figure as a multiple of the baseline's, or a quantile by cohort."""

    ratio: Interval | None = None
    quantile: Mapping[str, Ends | None] | None = None

    def document(self) -> dict[str, object]:
        """The keys that the intervals add to a verdict; to six significant digits."""
        out: dict[str, object] = {}
        if self.ratio is not None:
            lower, estimate, upper = map(significant, self.ratio)
            out["ratio"] = {"estimate": estimate, "lower": lower, "upper": upper}
        if self.quantile is not None:
            out["quantile"] = {cohort: _ends(ends) for cohort, ends in self.quantile.items()}
        return out


def _ends(ends: Ends | None) -> list[float | None] | None:
    return None if ends is None else [None if end is None else significant(end) for end in ends]


NO_INTERVALS = Intervals()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer of one check on one pane, with its reason; `window` is half-open, in milliseconds since the epoch.

    The figures are shares (0 to 1), milliseconds, or a metric's own numbers (`unit`).
    `severity` and `on_fail` are the policy's. With a FAIL, `absolute` means that a limit is broken, and `rejected`
    that the joint test found the candidate worse; `baseline_beyond` means that the baseline breaks the same limit.
    Only the verdicts of a decision have `intervals`, and `blocks` where the evidence speaks against the candidate.
    `phi`, which divides the logarithm of the evidence for an advance, is not published: the time to a PASS is estimated
    by it.
    """

    name: str
    kind: VerdictKind
    reason: str
    window: tuple[int, int]
    candidate: Measurement
    baseline: Measurement
    e_value: float | None = None
    threshold: float | None = None
    advance_e_value: float | None = None
    advance_threshold: float | None = None
    unit: Unit = "share"
    severity: str = "standard"
    on_fail: str = "rollback"
    phi: float = 1.0
    absolute: bool = False
    rejected: bool = False
    baseline_beyond: bool = False
    intervals: Intervals = NO_INTERVALS
    blocks: BlockReport | None = None

    @property
    def required(self) -> bool:
        """Whether it must PASS before an advance, and whether its FAIL does anything."""
        return self.severity in ("critical", "standard")

    @property
    def notifies(self) -> bool:
        """Whether it is a FAIL that a person is notified of, and that does nothing else."""
        return self.kind is VerdictKind.FAIL and self.on_fail == "notify" and self.severity != "dry_run"

    def inconclusive(self, why: str) -> Verdict:
        """The same figures, which decide nothing, with one more reason."""
        kind = VerdictKind.INCONCLUSIVE
        return replace(self, kind=kind, reason=self.reason + why, absolute=False, rejected=False)

    def document(self) -> dict[str, object]:
        """The verdict as it stands in a decision and in a status; e-values to six significant digits."""
        out: dict[str, object] = {
            "name": self.name,
            "verdict": self.kind.value,
            "reason": self.reason,
            "unit": self.unit,
            "severity": self.severity,
            "on_fail": self.on_fail,
            "window": {"start": self.window[0], "end": self.window[1]},
            "candidate": self.candidate.document(),
            "baseline": self.baseline.document(),
        }
        for key, number in (
            ("e_value", self.e_value),
            ("threshold", self.threshold),
            ("advance_e_value", self.advance_e_value),
            ("advance_threshold", self.advance_threshold),
        ):
            if number is not None:
                out[key] = significant(number)
        if self.baseline_beyond:
            out["baseline_beyond"] = True
        out.update(self.intervals.document())
        if self.blocks is not None:
            out["blocks"] = _blocks(self.blocks)
        return out


def significant(number: float) -> float:
    """Rounded to six significant digits, so that a difference in the last bit changes no published figure.

    >>> significant(312.0400001), significant(0.0039118)
    (312.04, 0.0039118)
    """
    return float(f"{number:.6g}")


def _blocks(report: BlockReport) -> dict[str, object]:
    """What made an e-value as it stands in a verdict: at most ten blocks, and the rest in one factor."""
    return {
        "number": report.number,
        "largest": [_growth(growth) for growth in report.largest],
        "others": significant(report.others),
        "e_value": significant(report.whole),
        "agreement": agreement_document(report.agreement),
    }


def _growth(growth: Growth) -> dict[str, object]:
    bad, base_bad, events, base_events = growth.counts
    return {
        "start": growth.start,
        "end": growth.end,
        "by": growth.by,
        "candidate": {"bad": _short(bad), "events": events},
        "baseline": {"bad": _short(base_bad), "events": base_events},
        "factor": significant(growth.factor),
    }


def _short(number: float) -> float:
    """A whole number as an integer: a snapshot turns 12 into 12.0, and the bytes must stay the same."""
    return int(number) if number == int(number) else significant(number)


def agreement_document(agreement: Agreement | None) -> dict[str, object] | None:
    """The part of the candidate that limits an e-value; null where none does."""
    if agreement is None:
        return None
    reached, whole = significant(agreement.reached), significant(agreement.whole)
    return {"part": agreement.part, "e_value": reached, "needed": agreement.needed, "without": whole}


@dataclass(frozen=True, slots=True)
class Combined:
    """All comparisons that may roll back as one e-value, and the threshold of a rollback."""

    e_value: float
    threshold: float

    def document(self) -> dict[str, object]:
        """As it stands in a decision, to six significant digits."""
        return {"e_value": significant(self.e_value), "threshold": significant(self.threshold)}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one pane means for a rollout: the verdicts and the state of the telemetry.

    `silent_ms` is how long the most silent of the cohorts that should have traffic has had none; `silent_cohorts` are
    those that have been silent for as long, or for long enough to hold.
    `trusted` is true where nothing is missing that an advance needs, and `untrusted_ms` is how long something has been
    missing. `on_time` is the share of the stage's events that were counted, of the cohort `least_complete` where that
    decides; `completeness` also counts the panes that were complete. `telemetry` has what became of each cohort's
    events. `lately` is a cohort of which too much is missing in the last minute, with its events. `doubts` are reasons
    to distrust the split of traffic; `unsettled` is why it is not as ordered, though perhaps by chance.
    `baseline_alive_at` is the end of the last pane with a sign of life of the baseline: a successful request, or at
    100% a heartbeat; None where nothing could show one.
    """

    start: int
    end: int
    verdicts: tuple[Verdict, ...]
    silent_ms: int
    silent_cohorts: tuple[str, ...]
    broken: bool
    trusted: bool
    completeness: float
    on_time: float = 1.0
    telemetry: Mapping[str, CohortTelemetry] = field(default_factory=dict)
    least_complete: str | None = None
    lately: tuple[str, CohortTelemetry] | None = None
    untrusted_ms: int = 0
    combined: Combined | None = None
    doubts: tuple[str, ...] = ()
    unsettled: str = ""
    baseline_alive_at: int | None = None

    @property
    def required(self) -> tuple[Verdict, ...]:
        """The verdicts that must be PASS before an advance, and whose FAIL does something."""
        return tuple(verdict for verdict in self.verdicts if verdict.required)


NOT_EVALUATED = Evaluation(0, 0, (), 0, (), broken=False, trusted=False, completeness=1.0)
"""Stands for the last evaluation until the first pane of an epoch."""
