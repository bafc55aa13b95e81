"""The five outcomes of a check, and a verdict with its reason and evidence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What a check can say; only PASS advances a rollout."""

    FAIL = "FAIL"
    ERROR = "ERROR"
    NO_DATA = "NO_DATA"
    INCONCLUSIVE = "INCONCLUSIVE"
    PASS = "PASS"  # noqa: S105 - an outcome, not a password


@dataclass(frozen=True, slots=True)
class Measurement:
    """One cohort's figures: `value` is an error rate (0..1) or a latency in milliseconds, None without data."""

    requests: int
    value: float | None
    errors: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one check says of one pane, and why; `window` is half-open, in milliseconds since the epoch."""

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

    def document(self) -> dict[str, object]:
        """The verdict as it stands in a decision; e-values to six significant digits."""
        out: dict[str, object] = {
            "name": self.name,
            "verdict": self.outcome.value,
            "reason": self.reason,
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
class Evaluation:
    """What the last pane says of a rollout: the verdicts and the state of the telemetry, as data.

    `silent_ms` is how long the most silent of the cohorts that should have traffic has had none, `silent_cohorts` are
    those that are silent for as long, or for long enough to hold.
    `trusted` says that nothing is missing that an advance would need, `untrusted_ms` for how long something has been;
    `completeness` is the share of the stage's panes and events that were judged in time.
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
