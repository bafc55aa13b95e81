"""Simulated rollouts, given to every judge pane by pane. All judges get the same panes, on any number of processes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from multiprocessing import get_context
from zlib import crc32

import numpy as np

from benchmarks.judges.cases import Case
from benchmarks.judges.judge import BASELINE, CANDIDATE, Ruling
from benchmarks.judges.lineup import LINEUP, PANE_MS
from gates.policy import Cohorts
from streams.offline.simulation.traffic import panes

SEED = 20_260_101
START_MS = 1_767_225_600_000
COHORTS = Cohorts(baseline=BASELINE, candidate=CANDIDATE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One judge's ruling on one rollout, and after how many seconds; None if it gave none by the end."""

    ruling: Ruling | None = None
    at_s: float = 0.0


Trial = dict[str, Outcome]
"""Each judge's outcome on the same rollout."""


def run_trial(case: Case, number: int) -> Trial:
    """Simulate rollout `number` of a case before all judges."""
    rng = np.random.default_rng([SEED, crc32(f"{case.experiment}/{case.name}".encode()), number])
    judges = {name: make(case) for name, make in LINEUP.items()}
    trial = dict.fromkeys(judges, Outcome())
    shares = case.shares(PANE_MS)
    for pane in panes(case.scenario, rng, START_MS, PANE_MS, lambda: next(shares), COHORTS):
        for name in tuple(judges):
            ruling = judges[name].observe(pane)
            if ruling is not None:
                trial[name] = Outcome(ruling, (pane.end - START_MS) / 1_000)
                del judges[name]
        if not judges:
            break
    return trial


def run_all(cases: Iterable[Case], jobs: int) -> dict[Case, list[Trial]]:
    """All trials of all cases, on this many processes; the result does not depend on the number."""
    planned = [(case, number) for case in cases for number in range(case.runs)]
    if jobs <= 1:
        trials = [run_trial(case, number) for case, number in planned]
    else:
        with get_context("spawn").Pool(jobs) as pool:
            trials = pool.starmap(run_trial, planned, chunksize=10)
    gathered: dict[Case, list[Trial]] = {}
    for (case, _), trial in zip(planned, trials, strict=True):
        gathered.setdefault(case, []).append(trial)
    return gathered
