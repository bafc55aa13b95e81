"""The rules of the judges on hand-made panes, and the benchmark from end to end in a few seconds."""

from __future__ import annotations

import doctest
from math import sqrt
from statistics import NormalDist
from types import ModuleType

import numpy as np
import pytest

from benchmarks.judges import mann_whitney, peeking_z, tables
from benchmarks.judges.__main__ import DOCS, RESULTS, merged, simulated
from benchmarks.judges.analysis_run import AnalysisRunJudge
from benchmarks.judges.cases import all_cases, quick_cases
from benchmarks.judges.judge import BASELINE, CANDIDATE, Judge, Minutes, Ruling
from benchmarks.judges.lineup import LINEUP
from benchmarks.judges.mann_whitney import CONFIDENCE, MannWhitneyJudge, is_high, shift
from benchmarks.judges.peeking_z import PeekingZJudge, z_score
from benchmarks.judges.sluicegate import SluicegateJudge, plain_policy
from benchmarks.judges.summary import Line, from_json, to_json
from benchmarks.judges.tables import TITLES, into_page
from benchmarks.judges.threshold import ThresholdJudge
from benchmarks.judges.trials import Outcome, run_all, run_trial
from gates.panes import CLASSES, Cell, Pane
from gates.stats.histogram import Histogram

PANE_MS = 10_000
GOOD, BAD = 0, 5


def cell(requests: int, errors: int, latency_ms: float = 50.0) -> Cell:
    """Requests of which `errors` were 5xx, with latencies around `latency_ms`."""
    counts = [0] * len(CLASSES)
    counts[CLASSES.index("2xx")], counts[CLASSES.index("5xx")] = requests - errors, errors
    return Cell(tuple(counts), Histogram.of(np.linspace(0.9, 1.1, requests) * latency_ms))


def pane(number: int, errors: int | None, latency_ms: float = 50.0) -> Pane:
    """100 requests of the candidate with `errors` errors, 1,900 of the baseline without; an outage where it is None."""
    start = number * PANE_MS
    if errors is None:
        return Pane(start, start + PANE_MS, {}, complete=False, broken=True)
    cells = {CANDIDATE: cell(100, errors, latency_ms), BASELINE: cell(1_900, GOOD)}
    return Pane(start, start + PANE_MS, cells)


def ruled(judge: Judge, *minutes: int | None, latency_ms: float = 50.0) -> tuple[Ruling, int] | None:
    """The ruling and the second it fell in, if every pane of a minute has this many errors."""
    panes = [
        pane(6 * minute + sixth, errors, latency_ms) for minute, errors in enumerate(minutes) for sixth in range(6)
    ]
    for each in panes:
        ruling = judge.observe(each)
        if ruling is not None:
            return ruling, each.end // 1_000
    return None


def test_minutes_sum_whole_minutes_only() -> None:
    """A minute appears with the pane that completes it, and the next one starts at nothing."""
    minutes = Minutes(CANDIDATE)
    seen = [minutes.observe(pane(number, errors=number)) for number in range(12)]
    assert [minute is not None for minute in seen] == 2 * [False, False, False, False, False, True]
    assert [(minute.requests, minute.errors, minute.latency.total) for minute in seen if minute] == [
        (600, 0 + 1 + 2 + 3 + 4 + 5, 600),
        (600, 6 + 7 + 8 + 9 + 10 + 11, 600),
    ]


@pytest.mark.parametrize(
    ("threshold", "minutes", "expected"),
    [
        (1, [GOOD, GOOD, GOOD], ("pass", 180)),
        (1, [GOOD, BAD, GOOD], ("rollback", 120)),
        (1, [GOOD, None, GOOD], ("rollback", 120)),
        (2, [GOOD, BAD, GOOD, GOOD], ("pass", 240)),
        (2, [GOOD, BAD, GOOD, BAD], ("rollback", 240)),
    ],
)
def test_thresholds_roll_back_after_so_many_bad_minutes(
    threshold: int, minutes: list[int | None], expected: tuple[Ruling, int]
) -> None:
    """Bad minutes and missing ones are counted alike, never forgiven, and do not move the rollout on."""
    assert ruled(ThresholdJudge(checks=3, threshold=threshold), *minutes) == expected


def test_thresholds_look_at_p99() -> None:
    """Latency alone rolls back."""
    assert ruled(ThresholdJudge(checks=2), GOOD, GOOD, latency_ms=600.0) == ("rollback", 60)


@pytest.mark.parametrize(
    ("limit", "minutes", "expected"),
    [
        (0, [GOOD, GOOD], ("pass", 120)),
        (0, [GOOD, BAD], ("rollback", 120)),
        (1, [BAD, GOOD], ("pass", 120)),
        (1, [BAD, GOOD, BAD], ("pass", 120)),
        (1, [BAD, BAD], ("rollback", 120)),
    ],
)
def test_analysis_run_counts_failures_against_a_limit(
    limit: int, minutes: list[int | None], expected: tuple[Ruling, int]
) -> None:
    """More failures than the limit abort; the limit itself does not."""
    assert ruled(AnalysisRunJudge(count=2, failure_limit=limit), *minutes) == expected


def test_analysis_run_counts_errors_apart_from_failures() -> None:
    """A minute without data is no failure, is tried again after 10 s, and adds no measurement."""
    assert ruled(AnalysisRunJudge(count=3), GOOD, None, GOOD, GOOD) == ("pass", 190)


def test_analysis_run_aborts_after_five_errors_in_a_row() -> None:
    """Four errors in a row are allowed by default, ten seconds apart: the fifth aborts."""
    assert ruled(AnalysisRunJudge(count=9), GOOD, None, None, GOOD) == ("rollback", 160)


def test_analysis_run_fails_on_a_silent_candidate() -> None:
    """0/0 under working telemetry is NaN, and NaN is not at least 0.99."""
    judge = AnalysisRunJudge(count=9)
    silent = [Pane(n * PANE_MS, (n + 1) * PANE_MS, {BASELINE: cell(100, GOOD)}) for n in range(6)]
    assert [judge.observe(each) for each in silent][-1] == "rollback"


def test_mann_whitney_is_silent_on_identical_samples() -> None:
    """Equal points, in whatever order, and points that are all the same are never High."""
    assert not is_high([1.0, 2.0, 3.0], [3.0, 2.0, 1.0])
    assert not is_high([0.0] * 30, [0.0] * 30)
    assert not is_high([], [1.0])


def test_mann_whitney_is_high_where_the_whole_interval_clears_the_tolerance() -> None:
    """Well separated samples are High, in one direction only; overlapping ones are not."""
    low, high = np.linspace(1.0, 2.0, 20).tolist(), np.linspace(3.0, 4.0, 20).tolist()
    assert is_high(high, low)
    assert not is_high(low, high)
    assert not is_high([value + 0.1 for value in low], low)


def test_shift_inverts_the_mann_whitney_statistic() -> None:
    """At the ends of the interval the statistic of the shifted samples crosses the quantile, at the estimate 0."""
    rng = np.random.default_rng(5)
    candidate, baseline = rng.normal(1.0, 1.0, 17), rng.normal(0.0, 2.0, 23)
    quantile = NormalDist().inv_cdf((1.0 + CONFIDENCE) / 2.0)

    def z(by: float) -> float:
        wins = float(np.sum(candidate[:, None] - by > baseline[None, :]))
        centred = wins - 17 * 23 / 2
        return (centred - float(0.5 * np.sign(centred))) / sqrt(17 * 23 * (17 + 23 + 1) / 12)

    found = shift(candidate, baseline)
    assert z(found.low - 1e-9) > quantile >= z(found.low + 1e-9)
    assert z(found.high - 1e-9) >= -quantile > z(found.high + 1e-9)
    assert abs(z(found.estimate - 1e-9)) < 0.01


def test_mann_whitney_looks_only_at_its_interval() -> None:
    """A total outage from the start is found at the first look, not before."""
    assert ruled(MannWhitneyJudge(minutes=10), *[100] * 10) == ("rollback", 300)
    assert ruled(MannWhitneyJudge(minutes=10), *[GOOD] * 10) == ("pass", 600)


def test_z_test_waits_for_expected_errors_and_then_needs_no_minute() -> None:
    """A few errors are no evidence yet; many are significant within the pane."""
    assert z_score((3, 0), (100, 1_900)) == 0.0
    assert ruled(PeekingZJudge(60_000), GOOD) == ("pass", 60)
    assert ruled(PeekingZJudge(60_000), 100) == ("rollback", 10)


def test_our_judge_is_the_gate() -> None:
    """It rolls back what fails, passes what bakes, and does neither without telemetry."""
    assert ruled(SluicegateJudge(plain_policy(minutes=3, pane_ms=PANE_MS)), 100) == ("rollback", 20)
    policy = plain_policy(minutes=3, pane_ms=PANE_MS, dispersion=1.0)
    assert ruled(SluicegateJudge(policy), 100) == ("rollback", 10)
    assert ruled(SluicegateJudge(policy), *[GOOD] * 4) == ("pass", 180)
    assert ruled(SluicegateJudge(policy), GOOD, GOOD, None, GOOD) is None


def test_experiments_run_anew_one_by_one() -> None:
    """The others keep their lines, and the order stays."""
    late = next(case for case in all_cases() if case.experiment == "late")
    outage = next(case for case in all_cases() if case.experiment == "outage")
    before = [Line.of(case, "x", [Outcome("pass", 1.0)]) for case in (late, outage)]
    new = Line.of(late, "x", [Outcome("rollback", 1.0)])
    assert merged(before, [new]) == [new, before[1]]


@pytest.mark.parametrize("module", [mann_whitney, peeking_z, tables])
def test_examples_run(module: ModuleType) -> None:
    """The docstring examples give what they show."""
    failed, attempted = doctest.testmod(module)
    assert attempted > 0
    assert failed == 0


def test_outcomes_are_summed_up_by_when_the_candidate_became_worse() -> None:
    """Rollbacks before it are false, after the plan they do not count, and what was never found has no quantile."""
    late = next(case for case in all_cases() if case.experiment == "late")
    at_s = [600.0, 960.0, 1_020.0, 1_900.0]
    outcomes = [*(Outcome("rollback", each) for each in at_s), Outcome("pass", 1_800.0)]
    line = Line.of(late, "x", outcomes)
    assert (line.runs, line.false, line.detected, line.passed) == (5, 1, 2, 1)
    assert (line.share, line.median_s, line.p95_s, line.passed_s) == (0.4, None, None, 1_800.0)


def test_quick_benchmark_runs_every_experiment() -> None:
    """`--quick` has a line for each judge and experiment, and they survive JSON."""
    lines = simulated(quick=True, jobs=1)
    assert {line.experiment for line in lines} == set(TITLES)
    assert {line.judge for line in lines} == set(LINEUP)
    assert from_json(to_json(lines)) == lines


def test_trials_are_the_same_on_any_number_of_processes() -> None:
    """A trial depends on its case and its number alone."""
    case = next(case for case in quick_cases() if case.experiment == "worse than 0.5%")
    assert run_all([case], jobs=2) == {case: [run_trial(case, 0)]}


def test_the_page_shows_the_results() -> None:
    """The tables in docs/judges.md are those of results.json."""
    page = (DOCS / "judges.md").read_text(encoding="utf-8")
    lines = from_json(RESULTS.read_text(encoding="utf-8"))
    assert into_page(page, lines) == page
    assert all(f"<!-- {experiment}: begin -->" in page for experiment in TITLES)
