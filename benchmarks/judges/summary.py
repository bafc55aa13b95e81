"""The trials of each case summed up for each judge, as plain JSON values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import inf, isfinite
from typing import Self

from benchmarks.judges.cases import Case
from benchmarks.judges.judge import MINUTE_MS
from benchmarks.judges.trials import Outcome, Trial
from streams.offline.simulation.estimates import Proportion, quantile


@dataclass(frozen=True, slots=True)
class Line:
    """One judge on one case: how many of `runs` were false rollbacks, rollbacks in time, or passes.

    `share` is the share of the rollbacks that the case is about (false ones if the candidate is harmless, else those in
    time), with its 95% interval from `low` to `high`. `median_s` and `p95_s` are the seconds to such a rollback since
    the candidate became worse, or since the start if it never did; None if too few runs had one. `passed_s` is the
    median time of the runs that passed.
    """

    experiment: str
    case: str
    judge: str
    runs: int
    harmful: bool
    false: int
    detected: int
    passed: int
    share: float
    low: float
    high: float
    median_s: float | None
    p95_s: float | None
    passed_s: float | None

    @classmethod
    def of(cls, case: Case, judge: str, outcomes: Sequence[Outcome]) -> Self:
        """Sum up one judge's rulings on all trials of a case."""
        onset_ms = case.scenario.harmful_at_ms
        onset_s = inf if onset_ms is None else onset_ms / 1_000
        planned_s = case.minutes * MINUTE_MS / 1_000
        rollbacks = [each.at_s for each in outcomes if each.ruling == "rollback" and each.at_s <= planned_s]
        false = [at_s for at_s in rollbacks if at_s <= onset_s]
        detected = [at_s - onset_s for at_s in rollbacks if at_s > onset_s]
        asked = false if onset_ms is None else detected
        known = Proportion(len(asked), len(outcomes))
        delays = [*asked, *[inf] * (len(outcomes) - len(asked))]
        passed = [each.at_s for each in outcomes if each.ruling == "pass"]
        return cls(
            experiment=case.experiment,
            case=case.name,
            judge=judge,
            runs=len(outcomes),
            harmful=onset_ms is not None,
            false=len(false),
            detected=len(detected),
            passed=len(passed),
            share=known.share,
            low=known.interval[0],
            high=known.interval[1],
            median_s=_finite(delays, 0.5),
            p95_s=_finite(delays, 0.95),
            passed_s=_finite(passed, 0.5),
        )


def _finite(times: Sequence[float], q: float) -> float | None:
    found = quantile(times, q)
    return found.value if found is not None and isfinite(found.value) else None


def summarise(gathered: Mapping[Case, Sequence[Trial]]) -> list[Line]:
    """One line per case and judge, in the order of the cases and of the lineup."""
    return [
        Line.of(case, judge, [trial[judge] for trial in trials])
        for case, trials in gathered.items()
        for judge in trials[0]
    ]


def to_json(lines: Sequence[Line]) -> str:
    """The lines as JSON, one on each line of text."""
    return "[\n" + ",\n".join(json.dumps(asdict(line)) for line in lines) + "\n]\n"


def from_json(text: str) -> list[Line]:
    """The lines that `to_json` wrote."""
    return [Line(**known) for known in json.loads(text)]
