"""The five outcomes of a check, and a verdict with its reason and evidence."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal


class Outcome(StrEnum):
    """What a check can say; only PASS advances a rollout."""

    FAIL = "FAIL"
    ERROR = "ERROR"
    NO_DATA = "NO_DATA"
    INCONCLUSIVE = "INCONCLUSIVE"
    PASS = "PASS"  # noqa: S105 - an outcome, not a password


Unit = Literal["share", "ms", "number"]


@dataclass(frozen=True, slots=True)
class Measurement:
    """One cohort's figures: `value` is in the verdict's unit, None without data; `requests` is its sample."""

    requests: int
    value: float | None
    errors: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one check says of one pane, and why; `window` is half-open, in milliseconds since the epoch.

    The figures are shares (0 to 1), milliseconds, or a metric's own numbers (`unit`).
    `severity` and `on_fail` are the policy's. Of a FAIL, `absolute` says that a limit is broken, `rejected` that the
    joint test has found the candidate worse; `baseline_beyond` says that the baseline breaks the same limit.
    """

    name: str
    outcome: Outcome
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
    absolute: bool = False
    rejected: bool = False
    baseline_beyond: bool = False

    @property
    def required(self) -> bool:
        """Whether it must PASS before an advance, and whether its FAIL does anything."""
        return self.severity in ("critical", "standard")

    def document(self) -> dict[str, object]:
        """The verdict as it stands in a decision; e-values to six significant digits."""
        out: dict[str, object] = {
            "name": self.name,
            "verdict": self.outcome.value,
            "reason": self.reason,
            "unit": self.unit,
            "severity": self.severity,
            "on_fail": self.on_fail,
            "window": {"start": self.window[0], "end": self.window[1]},
            "candidate": _measurement(self.candidate),
            "baseline": _measurement(self.baseline),
        }
        for word, number in (
            ("e_value", self.e_value),
            ("threshold", self.threshold),
            ("advance_e_value", self.advance_e_value),
            ("advance_threshold", self.advance_threshold),
        ):
            if number is not None:
                out[word] = significant(number)
        if self.baseline_beyond:
            out["baseline_beyond"] = True
        return out


def _measurement(measured: Measurement) -> dict[str, object]:
    out: dict[str, object] = {"requests": measured.requests}
    if measured.errors is not None:
        out["errors"] = measured.errors
    out["value"] = None if measured.value is None else significant(measured.value)
    return out


def significant(number: float) -> float:
    """To six significant digits: what is published does not hang on a last bit.

    >>> significant(312.0400001), significant(0.0039118)
    (312.04, 0.0039118)
    """
    return float(f"{number:.6g}")


@dataclass(frozen=True, slots=True)
class Combined:
    """All comparisons that may roll back as one e-value, and what it must reach."""

    e_value: float
    threshold: float

    def document(self) -> dict[str, object]:
        """As it stands in a decision, to six significant digits."""
        return {"e_value": significant(self.e_value), "threshold": significant(self.threshold)}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the last pane says of a rollout: the verdicts and the state of the telemetry, as data.

    `silent_ms` is how long the most silent of the cohorts that should have traffic has had none, `silent_cohorts` are
    those that are silent for as long, or for long enough to hold.
    `trusted` says that nothing is missing that an advance would need, `untrusted_ms` for how long something has been;
    `completeness` is the share of the stage's panes and events that were judged in time. `doubts` are reasons why the
    data is no measure of the candidate: traffic that was not split as ordered.
    """

    start: int
    end: int
    verdicts: tuple[Verdict, ...]
    silent_ms: int
    silent_cohorts: tuple[str, ...]
    broken: bool
    trusted: bool
    completeness: float
    untrusted_ms: int = 0
    combined: Combined | None = None
    doubts: tuple[str, ...] = ()
    required: tuple[Verdict, ...] = field(init=False, repr=False, compare=False)
    """The verdicts that must be PASS before an advance, and whose FAIL does something."""

    def __post_init__(self) -> None:
        required = tuple(verdict for verdict in self.verdicts if verdict.required)
        object.__setattr__(self, "required", required)  # asked for several times a pane
