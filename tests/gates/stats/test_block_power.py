"""Delays in blocks, foreseen: against simulated medians of the rule, and at the ends of their range."""

from __future__ import annotations

from math import inf, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.stats.block_power import (
    MEASURED_PHI,
    PASS_COST,
    Cohorts,
    advance_growth,
    blocks_with_errors,
    pace,
    successes_lost,
    time_to_pass,
)


@pytest.mark.parametrize(
    ("rps", "share", "base", "times", "median", "p95"),
    [
        (1_000.0, 0.05, 0.01, 1.5, 596, 1_357),
        (1_000.0, 0.05, 0.01, 2.0, 84, 183),
        (1_000.0, 0.05, 0.01, 5.0, 18, 24),
        (1_000.0, 0.05, 0.01, 20.0, 12, 12),
        (1_000.0, 0.05, 0.01, 100.0, 2, 2),
        (1_000.0, 0.05, 0.001, 2.0, 997, 2_260),
        (1_000.0, 0.05, 0.001, 5.0, 57, 138),
        (1_000.0, 0.01, 0.01, 2.0, 370, 790),
        (1_000.0, 0.01, 0.01, 5.0, 36, 64),
        (1_000.0, 0.1, 0.01, 2.0, 48, 104),
        (1_000.0, 0.1, 0.01, 5.0, 14, 16),
        (1_000.0, 0.5, 0.01, 2.0, 38, 52),
        (1_000.0, 0.5, 0.01, 5.0, 16, 17),
        (200.0, 0.01, 0.01, 5.0, 122, 318),
        (200.0, 0.01, 0.01, 100.0, 8, 9),
        (20.0, 0.01, 0.01, 5.0, 1_099, 2_681),
        (20.0, 0.01, 0.01, 100.0, 20, 38),
        (5.0, 0.1, 0.01, 100.0, 16, 28),
        (0.5, 0.5, 0.01, 100.0, 63, 86),
    ],
)
def test_the_delays_are_those_that_were_simulated(
    rps: float, share: float, base: float, times: float, median: float, p95: float
) -> None:
    """At ratio 1.25 and an e-value of 100, from 400 simulated rollouts a line: good to a third."""
    cohorts = Cohorts(rps * share, rps * (1.0 - share), base * times, base).compared()
    found, lost = pace(cohorts, 1.25, 1.0), successes_lost(cohorts, 100.0, 1.0)
    assert min(found.median(100.0), lost) == pytest.approx(median, rel=0.26)
    assert min(found.p95(100.0), lost) == pytest.approx(p95, rel=0.34)


@pytest.mark.parametrize(
    ("rps", "base", "margin", "seconds"),
    [
        (1_000.0, 0.0, 0.005, 187),
        (1_000.0, 0.0002, 0.005, 100),
        (1_000.0, 0.001, 0.005, 113),
        (1_000.0, 0.005, 0.005, 185),
        (1_000.0, 0.01, 0.005, 233),
        (200.0, 0.0, 0.005, 931),
        (200.0, 0.001, 0.005, 310),
        (200.0, 0.01, 0.005, 369),
        (1_000.0, 0.0, 0.002, 461),
        (1_000.0, 0.0002, 0.002, 184),
        (1_000.0, 0.001, 0.002, 254),
        (200.0, 0.0, 0.002, 2_309),
        (200.0, 0.0002, 0.002, 490),
    ],
)
def test_the_advance_is_as_it_was_simulated(rps: float, base: float, margin: float, seconds: float) -> None:
    """Of healthy candidates of a new rollout at ratio 1.25 and 5%: medians of 100 simulated ones each."""
    cohorts = Cohorts(rps * 0.05, rps * 0.95, base, base)
    blocks = blocks_with_errors(cohorts.baseline * base)
    found = time_to_pass(advance_growth(cohorts, 1.25, margin), log(20.0), None, blocks, new=True)
    assert found == pytest.approx(seconds, rel=0.22)


@given(st.floats(0.5, 1e4), st.floats(0.01, 0.5), st.floats(1e-4, 0.1), st.floats(1.5, 8.0))
def test_a_worse_candidate_is_found_sooner(rps: float, share: float, base: float, times: float) -> None:
    """Never later, and never before a block has ended; a longer correlation makes longer blocks."""
    mine, theirs = rps * share, rps * (1.0 - share)
    bad, worse = (pace(Cohorts(mine, theirs, min(1.0, base * each), base), 1.25, 1.0) for each in (times, 2.0 * times))
    assert bad.block_s <= bad.median(100.0) <= bad.p95(100.0)
    assert worse.nats >= bad.nats
    assert pace(Cohorts(mine, theirs, base, base), 1.25, 1.0, correlation_s=20.0).block_s >= bad.block_s


def test_what_never_happens_is_infinite() -> None:
    """A candidate like the baseline is not detected, and without growth nothing passes."""
    alike = Cohorts(50.0, 950.0, 0.01, 0.01)
    assert (pace(alike, 1.25, 1.0).median(100.0), pace(alike, 1.25, 1.0).p95(100.0)) == (inf, inf)
    assert successes_lost(alike, 100.0, 1.0) == inf
    assert time_to_pass(0.0, 3.0, None, 0.1, new=True) == inf
    assert pace(Cohorts(50.0, 950.0, 0.0, 0.0), 1.25, 1.0).nats == 0.0


def test_a_long_pane_holds_more_lost_successes() -> None:
    """The cap is twice as high there, and nothing is found within a pane."""
    failing = Cohorts(50.0, 950.0, 1.0, 0.01)
    assert [successes_lost(failing, 100.0, pane_s) for pane_s in (1.0, 5.0)] == [2.0, 5.0]


def test_phi_is_stated_measured_or_the_prior() -> None:
    """Without bad events of the baseline the prior of 12 stays; with many it is worn off in five minutes."""
    needed = (3.0 + PASS_COST) / 0.04
    assert time_to_pass(0.04, 3.0, 4.0, 0.1, new=True) == pytest.approx(4.0 * needed)
    assert time_to_pass(0.04, 3.0, None, 0.1, new=False) == pytest.approx(MEASURED_PHI * needed)
    assert time_to_pass(0.04, 3.0, None, 0.0, new=True) == pytest.approx(12.0 * needed)
    assert time_to_pass(0.001, 3.0, None, 0.1, new=True) == pytest.approx(MEASURED_PHI * (3.0 + PASS_COST) / 0.001)
