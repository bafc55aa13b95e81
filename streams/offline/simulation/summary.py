"""Many runs of one scenario in figures: how often the gate was wrong, and how long it took to be right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isinf

from streams.offline.simulation.estimates import Proportion, Quantile, quantile
from streams.offline.simulation.run import SimulatedRun


@dataclass(frozen=True, slots=True)
class SimulationSummary:
    """The figures of one scenario; the last four are None where the candidate was never bad.

    `false_rollbacks` are of all runs: rolled back while the candidate was fine. The others are of the runs that were
    still running when it became bad: `false_advances` gave it more traffic, `detected` rolled it back. The delays are
    milliseconds from the time it became bad to the rollback; a run without a rollback counts as infinite.
    `ends` and `stages` count the last phases and stages of the runs.
    """

    runs: int
    requests: int
    ends: Mapping[str, int]
    stages: Mapping[str, int]
    false_rollbacks: Proportion
    false_advances: Proportion | None = None
    detected: Proportion | None = None
    median_ms: Quantile | None = None
    p95_ms: Quantile | None = None

    def document(self) -> dict[str, object]:
        """As JSON values: times in seconds, null for never."""
        return {
            "runs": self.runs,
            "requests": self.requests,
            "ends": dict(self.ends),
            "stages": dict(self.stages),
            "false_rollbacks": _proportion(self.false_rollbacks),
            "false_advances": _proportion(self.false_advances),
            "detected": _proportion(self.detected),
            "delay_median_s": _quantile(self.median_ms),
            "delay_p95_s": _quantile(self.p95_ms),
        }


def summarise(runs: Sequence[SimulatedRun]) -> SimulationSummary:
    """The figures of runs of the same scenario."""
    harmful = any(run.harmful_at_ms is not None for run in runs)
    exposed = [run for run in runs if not run.falsely_rolled_back] if harmful else []
    delays = [inf if run.delay_ms is None else float(run.delay_ms) for run in exposed]
    advanced = sum(run.falsely_advanced for run in exposed)
    detected = sum(run.delay_ms is not None for run in exposed)
    return SimulationSummary(
        runs=len(runs),
        requests=sum(run.requests for run in runs),
        ends=dict(sorted(Counter(run.end.value for run in runs).items())),
        stages=dict(sorted(Counter(run.stage for run in runs).items())),
        false_rollbacks=Proportion(sum(run.falsely_rolled_back for run in runs), len(runs)),
        false_advances=Proportion(advanced, len(exposed)) if harmful else None,
        detected=Proportion(detected, len(exposed)) if harmful else None,
        median_ms=quantile(delays, 0.5),
        p95_ms=quantile(delays, 0.95),
    )


def _proportion(known: Proportion | None) -> dict[str, object] | None:
    if known is None:
        return None
    return {"count": known.count, "of": known.total, "share": known.share, "interval": list(known.interval)}


def _quantile(known: Quantile | None) -> dict[str, object] | None:
    if known is None:
        return None
    ends = None if known.interval is None else [_seconds(end) for end in known.interval]
    return {"value": _seconds(known.value), "interval": ends}


def _seconds(ms: float) -> float | None:
    return None if isinf(ms) else ms / 1_000.0
