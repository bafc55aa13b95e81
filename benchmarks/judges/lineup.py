"""The judges that take part, in the order of every table."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.judges.analysis_run import AnalysisRunJudge
from benchmarks.judges.cases import Case
from benchmarks.judges.judge import MINUTE_MS, Judge
from benchmarks.judges.mann_whitney import MannWhitneyJudge
from benchmarks.judges.peeking_z import PeekingZJudge
from benchmarks.judges.sluicegate import SluicegateJudge, plain_policy
from benchmarks.judges.threshold import ThresholdJudge

PANE_MS = 10_000
"""The event time of one pane; longer than the gate's default of 1 s, to save simulation time."""

OURS = "sluicegate"
OURS_INDEPENDENT = "sluicegate, independent"
"""Its policy declares errors independent."""

LINEUP: dict[str, Callable[[Case], Judge]] = {
    "Flagger-like": lambda case: ThresholdJudge(checks=case.minutes),
    "Flagger-like, 10 checks": lambda case: ThresholdJudge(checks=case.minutes, threshold=10),
    "Argo-like": lambda case: AnalysisRunJudge(count=case.minutes),
    "Argo-like, limit 3": lambda case: AnalysisRunJudge(count=case.minutes, failure_limit=3),
    "Mann-Whitney, 5 min": lambda case: MannWhitneyJudge(case.minutes, every=5),
    "Mann-Whitney, 30 min": lambda case: MannWhitneyJudge(case.minutes, every=30),
    "peeking z-test": lambda case: PeekingZJudge(case.minutes * MINUTE_MS),
    OURS: lambda case: SluicegateJudge(plain_policy(case.minutes, PANE_MS, case.dispersion)),
    OURS_INDEPENDENT: lambda case: SluicegateJudge(plain_policy(case.minutes, PANE_MS, 1.0)),
}
"""Each judge's name, and how to create it for a rollout of a case."""
