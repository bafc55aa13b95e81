"""The share e-process: reference values, and that it is an e-process: its expectation under the null is at most 1."""

import itertools
import json
from math import comb, exp, isclose, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gates.stats.error_share import (
    ADVANCE_EFFECTS,
    ADVANCE_MARGIN,
    REGRESSION_EFFECTS,
    START_BLOCK,
    ErrorShare,
    log_factor,
    start_prior,
)
from gates.stats.pane_counts import PaneCounts

QUIET = PaneCounts(0, 0, 0, 0)
TINY = 1e-12  # what rounding may add to an expectation


def binomial(n: int, p: float) -> np.ndarray:
    """Return the probabilities of 0..n successes, by their logarithms so that nothing underflows early."""
    if p in (0.0, 1.0):
        return np.array([1.0 if k == n * p else 0.0 for k in range(n + 1)])
    return np.array([exp(log(comb(n, k)) + k * log(p) + (n - k) * log(1.0 - p)) for k in range(n + 1)])


def expected_factor(n_c: int, n_b: int, p_c: float, p_b: float, effect: float, ratio: float, margin: float) -> float:
    """Return the exact expectation of one pane's factor when errors come with probabilities `p_c` and `p_b`."""
    factors = np.array(
        [
            [exp(log_factor(PaneCounts(s_c, s_b, n_c, n_b), effect, ratio, margin)) for s_b in range(n_b + 1)]
            for s_c in range(n_c + 1)
        ]
    )
    return float(binomial(n_c, p_c) @ factors @ binomial(n_b, p_b))


@pytest.mark.parametrize(
    ("counts", "effect", "ratio", "margin", "expected"),
    [
        (PaneCounts(3, 5, 100, 900), 4.0, 1.0, 0.0, 2.0599689676197412),
        (PaneCounts(3, 5, 100, 900), 4.0, 1.25, 0.005, 0.8265407528616272),
    ],
)
def test_factor_has_the_reference_values(
    counts: PaneCounts, effect: float, ratio: float, margin: float, expected: float
) -> None:
    """One pane's log factor is that of the conditional binomial test, less what the margin takes."""
    assert log_factor(counts, effect, ratio, margin) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("counts", [PaneCounts(0, 7, 0, 500), PaneCounts(2, 0, 10, 0), QUIET])
@pytest.mark.parametrize("margin", [0.0, 0.005])
def test_a_cohort_without_traffic_says_nothing(counts: PaneCounts, margin: float) -> None:
    """Where either cohort had no request, the factor is 1 whatever the other did."""
    assert abs(log_factor(counts, 4.0, 1.25, margin)) < 1e-15
    assert abs(log_factor(counts, 0.5, 1.25, margin)) < 1e-15


def test_grid_of_effects_is_the_reference_grid() -> None:
    """Twenty effects from 1.1 to 64, weighted by the inverse of their square root."""
    weights = ErrorShare.regression(1.0).weights
    assert [REGRESSION_EFFECTS[index] for index in (0, 10, 19)] == pytest.approx([1.1, 9.337445937562789, 64.0])
    assert [weights[0], weights[19]] == pytest.approx([0.11495980178557123, 0.015071357162074238], rel=1e-9)
    assert sum(weights) == pytest.approx(1.0)
    assert len(ADVANCE_EFFECTS) == 16
    assert [ADVANCE_EFFECTS[0], ADVANCE_EFFECTS[-1]] == pytest.approx([1 / 1.1, 1 / 20])


def test_mixture_has_the_reference_values() -> None:
    """Three panes give the three reference e-values, one after the other."""
    process = ErrorShare.regression(1.0)
    found = []
    for counts in (PaneCounts(0, 1, 10, 990), PaneCounts(2, 1, 12, 985), PaneCounts(1, 0, 9, 1003)):
        process.update(counts)
        found.append(process.get())
    assert found == pytest.approx([0.9409814364933056, 59.60028376524117, 1356.0601220421775], rel=1e-9)


def test_expectation_has_the_reference_value() -> None:
    """The exact expectation at one point of the null's boundary, as in the reference."""
    assert expected_factor(20, 180, 0.01, 0.01, 4.0, 1.0, 0.0) == pytest.approx(0.9952763652981506, rel=1e-9)


@pytest.mark.parametrize("ratio", [1.0, 1.25, 2.0])
@pytest.mark.parametrize("margin", [0.0, 0.001, 0.01])
@pytest.mark.parametrize("effect", [1.1, 4.0, 64.0, 1 / 1.1, 1 / 20])
def test_expectation_is_at_most_one_under_the_null(ratio: float, margin: float, effect: float) -> None:
    """On the boundary of the null, and inside it, one pane's factor has expectation at most 1: both directions."""
    for p_b in (0.0, 1e-4, 0.005, 0.05, 0.3):
        boundary = ratio * p_b + margin
        inside = boundary / 2 if effect > 1.0 else min(1.0, boundary * 1.5 + 0.01)
        for p_c in (boundary, inside):
            if p_c <= 1.0:
                assert expected_factor(20, 60, p_c, p_b, effect * ratio, ratio, margin) <= 1.0 + TINY


def test_expectation_exceeds_one_under_the_alternative() -> None:
    """The test has power: a candidate five times worse, or as good with a margin to spare, makes evidence grow."""
    assert expected_factor(20, 60, 0.25, 0.05, 5.0, 1.0, 0.0) > 1.5
    assert expected_factor(60, 20, 0.05, 0.05, 0.5 * 2.0, 2.0, 0.05) > 1.5


@pytest.mark.parametrize("blocks", [1, 2, 3, 7, 180])
def test_prior_over_starts_sums_to_one(blocks: int) -> None:
    """Half the mass at the first pane, the rest spread over the blocks: all of it, and no more."""
    masses = [start_prior(tick, blocks) for tick in range(START_BLOCK * (blocks + 3))]
    assert sum(masses) == pytest.approx(1.0, abs=1e-12)
    assert masses[0] == pytest.approx(0.5 + 0.5 / blocks)
    assert sum(mass > 0.0 for mass in masses) == blocks


@pytest.mark.parametrize("blocks", [None, 1, 2, 5])
def test_evidence_stays_one_without_traffic(blocks: int | None) -> None:
    """Nothing seen, nothing learnt: the e-value is 1 before the first pane and after any number of empty ones."""
    process = ErrorShare.regression(1.25, blocks)
    values = [process.get()]
    for _ in range(START_BLOCK * 6):
        process.update(QUIET)
        values.append(process.get())
    assert values == pytest.approx([1.0] * len(values), abs=1e-12)


def test_mixed_start_is_an_e_process_by_enumeration() -> None:
    """Over every outcome of three panes, a block of starts apart, the expected e-value never exceeds 1."""
    n_c, n_b, p = 2, 3, 0.3
    chances = list(itertools.product(enumerate(binomial(n_c, p)), enumerate(binomial(n_b, p))))

    def expected(state: tuple[int, list[float | None]], depth: int) -> list[float]:
        process = ErrorShare.regression(1.0, blocks=3)
        process.load(state)
        here = process.get()
        if depth == 0:
            return [here]
        later = [0.0] * depth
        for (s_c, chance_c), (s_b, chance_b) in chances:
            process.load(state)
            process.update(PaneCounts(s_c, s_b, n_c, n_b))
            for _ in range(START_BLOCK - 1):
                process.update(QUIET)
            for index, value in enumerate(expected(process.dump(), depth - 1)):
                later[index] += chance_c * chance_b * value
        return [here, *later]

    values = expected((0, []), 3)
    assert values[0] == 1.0
    assert all(later <= earlier + TINY for earlier, later in itertools.pairwise(values))


def test_late_degradation_is_found() -> None:
    """After a long healthy stretch a candidate that starts to fail is found, and sooner than without the prior."""
    healthy, failing = PaneCounts(0, 1, 50, 950), PaneCounts(3, 1, 50, 950)
    needed = {}
    for blocks in (None, 60):
        process = ErrorShare.regression(1.0, blocks)
        for _ in range(900):
            process.update(healthy)
        panes = 0
        while process.get() < 100.0:
            process.update(failing)
            panes += 1
        needed[blocks] = panes
    assert needed[60] < needed[None]


pane_counts = st.tuples(st.integers(0, 50), st.integers(0, 500), st.integers(0, 100), st.integers(0, 100)).map(
    lambda drawn: PaneCounts(
        min(drawn[0], drawn[0] * drawn[2] // 100), min(drawn[1], drawn[1] * drawn[3] // 100), drawn[0], drawn[1]
    )
)


@settings(max_examples=50, deadline=None)
@given(st.lists(pane_counts, max_size=80), st.integers(0, 80), st.sampled_from([None, 1, 2, 40]))
def test_snapshot_continues_bit_for_bit(panes: list[PaneCounts], cut: int, blocks: int | None) -> None:
    """A process that went through JSON in the middle ends with the very same bits."""
    straight, before = ErrorShare.regression(1.25, blocks), ErrorShare.regression(1.25, blocks)
    for counts in panes:
        straight.update(counts)
    for counts in panes[:cut]:
        before.update(counts)
    after = ErrorShare.regression(1.25, blocks)
    after.load(json.loads(json.dumps(before.dump(), allow_nan=False)))
    for counts in panes[cut:]:
        after.update(counts)
    assert after.dump() == straight.dump()
    assert after.get() == straight.get()


@settings(max_examples=50, deadline=None)
@given(st.lists(pane_counts, max_size=40), st.sampled_from([1.0, 1.25, 3.0]))
def test_evidence_is_always_finite_and_positive(panes: list[PaneCounts], ratio: float) -> None:
    """Whatever was seen, an e-value is a number that can be published."""
    for process in (ErrorShare.regression(ratio, 4), ErrorShare.advance(ratio)):
        for counts in panes:
            process.update(counts)
        assert 0.0 <= process.get() < float("inf")


def test_evidence_stays_finite_where_it_is_overwhelming() -> None:
    """A candidate that only fails makes the e-value enormous, and never infinite."""
    process = ErrorShare.regression(1.0)
    for _ in range(1_000):
        process.update(PaneCounts(1_000, 0, 1_000, 1_000))
    assert 1e100 < process.get() < float("inf")


def test_advance_needs_a_healthy_candidate() -> None:
    """The advance process grows on a candidate like the baseline, and shrinks on one beyond ratio and margin."""
    good, bad = ErrorShare.advance(1.25), ErrorShare.advance(1.25)
    for _ in range(300):
        good.update(PaneCounts(0, 1, 50, 950))
        bad.update(PaneCounts(2, 1, 50, 950))
    assert good.get() > 20.0
    assert bad.get() < 1.0
    assert isclose(good.margin, ADVANCE_MARGIN)
