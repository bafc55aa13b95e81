"""Dispersion: by hand, on clustered errors, and what dividing evidence by it does to false alarms."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.stats.error_share import REGRESSION_EFFECTS, log_factor
from gates.stats.halves_dispersion import MARGIN, HalfCounts, HalvesDispersion
from gates.stats.pane_counts import PaneCounts

REQUESTS_PER_BLOCK = 9_500  # the baseline's 95 % of 1000 rps, for 10 s
BASE_RATE = 0.005
BLOCKS = 30


def block(generator: np.random.Generator, phi: int, share: float = 0.5) -> HalfCounts:
    """Return a block whose errors come in clusters of `phi`, each cluster in one half."""
    clusters = generator.poisson(REQUESTS_PER_BLOCK * BASE_RATE / phi)
    first = generator.binomial(clusters, share)
    requests = round(REQUESTS_PER_BLOCK * share)
    return HalfCounts(int(first) * phi, int(clusters - first) * phi, requests, REQUESTS_PER_BLOCK - requests)


def estimate(generator: np.random.Generator, phi: int, blocks: int, share: float = 0.5) -> float:
    """Return the estimate after this number of blocks."""
    dispersion = HalvesDispersion()
    for _ in range(blocks):
        dispersion.update(block(generator, phi, share))
    found = dispersion.get()
    assert found is not None
    return found


def test_by_hand() -> None:
    """Two blocks, the second unevenly split: the sums are those of the formula, the margin is on top."""
    dispersion = HalvesDispersion()
    dispersion.update(HalfCounts(8, 2, 500, 500))  # (8 - 5)^2 = 9, 10/4 = 2.5
    dispersion.update(HalfCounts(1, 7, 250, 750))  # (1 - 2)^2 = 1, 8 * 3/16 = 1.5
    assert dispersion.get() == pytest.approx(1.2 * 10.0 / 4.0, rel=1e-9)


def test_never_below_one() -> None:
    """Halves more alike than chance would have them do not speed evidence up."""
    dispersion = HalvesDispersion()
    dispersion.update(HalfCounts(50, 50, 500, 500))
    assert dispersion.get() == 1.0


def test_no_estimate_before_a_block_counts() -> None:
    """Blocks without errors or with an empty half do not count."""
    dispersion = HalvesDispersion()
    for _ in range(1_000):
        dispersion.update(HalfCounts(0, 0, 500, 500))
        dispersion.update(HalfCounts(5, 0, 500, 0))
        dispersion.update(HalfCounts(0, 5, 0, 500))
    assert dispersion.get() is None
    dispersion.update(HalfCounts(3, 4, 500, 500))
    assert (dispersion.get(), dispersion.blocks) == (1.0, 1)


def test_single_errors_are_no_clusters() -> None:
    """One error a block is what independence looks like: phi is 1 but for the margin."""
    dispersion = HalvesDispersion()
    for index in range(BLOCKS):
        dispersion.update(HalfCounts(index % 2, 1 - index % 2, 500, 500))
    assert dispersion.get() == pytest.approx(MARGIN, rel=1e-12)


@pytest.mark.parametrize(("phi", "reference"), [(1, 0.99), (2, 2.00), (4, 4.02), (8, 8.09)])
@pytest.mark.parametrize("share", [0.5, 0.3])
def test_clustered_errors_are_recovered(phi: int, reference: float, share: float) -> None:
    """On many blocks of errors in clusters of 1, 2, 4 and 8 the estimate is that size, the margin on top."""
    found = estimate(np.random.default_rng(phi), phi, 6_000, share) / MARGIN
    assert found == pytest.approx(reference, rel=0.06)
    assert found == pytest.approx(phi, rel=0.06)


def test_a_coin_for_each_event_sees_no_clusters() -> None:
    """Why the split must go by the session: torn apart at random, clusters of 8 look independent."""
    generator, dispersion = np.random.default_rng(5), HalvesDispersion()
    for _ in range(2_000):
        errors = 8 * generator.poisson(REQUESTS_PER_BLOCK * BASE_RATE / 8)
        first = int(generator.binomial(errors, 0.5))
        dispersion.update(HalfCounts(first, int(errors) - first, 4_750, 4_750))
    found = dispersion.get()
    assert found is not None
    assert found / MARGIN == pytest.approx(1.0, rel=0.1)


@given(
    st.lists(st.tuples(*[st.integers(0, 50)] * 2, *[st.integers(0, 500)] * 2), max_size=80),
    st.integers(0, 80),
)
def test_snapshot_continues_bit_for_bit(counts: list[tuple[int, int, int, int]], cut: int) -> None:
    """An estimate that went through JSON in the middle ends with the very same bits."""
    blocks = [HalfCounts(*one) for one in counts]
    straight, before, after = HalvesDispersion(), HalvesDispersion(), HalvesDispersion()
    for one in blocks:
        straight.update(one)
    for one in blocks[:cut]:
        before.update(one)
    after.load(json.loads(json.dumps(before.dump(), allow_nan=False)))
    for one in blocks[cut:]:
        after.update(one)
    assert after.dump() == straight.dump()
    assert after.get() == straight.get()


@given(st.lists(st.tuples(*[st.integers(0, 50)] * 2, *[st.integers(1, 500)] * 2), min_size=30, max_size=60))
def test_estimate_is_at_least_one_and_finite(counts: list[tuple[int, int, int, int]]) -> None:
    """Whatever the halves did, dividing by the estimate never sharpens a test."""
    dispersion = HalvesDispersion()
    for one in counts:
        dispersion.update(HalfCounts(*one))
    found = dispersion.get()
    assert found is None or 1.0 <= found < float("inf")


def false_alarms(generator: np.random.Generator, cluster: int, phis: list[float], seconds: int = 1_800) -> float:
    """Return how often a healthy candidate with 5% of the traffic reaches 20, one run for each phi.

    Errors come in clusters, each in one cohort; one mixture over effects, looked at every second.
    """
    effects = np.array(REGRESSION_EFFECTS)
    weights = effects**-0.5 / np.sum(effects**-0.5)
    of_candidate, of_baseline = (
        np.array([log_factor(counts, effect, 1.0) for effect in REGRESSION_EFFECTS])
        for counts in (PaneCounts(1, 0, 50, 950), PaneCounts(0, 1, 50, 950))
    )
    alarms = 0
    for phi in phis:
        s_c, s_b = (
            cluster * np.cumsum(generator.poisson(requests * BASE_RATE / cluster, seconds))[:, np.newaxis]
            for requests in (50, 950)
        )
        log_evidence = np.minimum((s_c * of_candidate + s_b * of_baseline) / phi, 690.0)
        alarms += bool(np.max(np.exp(log_evidence) @ weights) >= 20.0)
    return alarms / len(phis)


@pytest.mark.slow
@pytest.mark.parametrize(("cluster", "undivided"), [(2, 0.192), (4, 0.462), (8, 0.616)])
def test_dividing_by_the_estimate_keeps_false_alarms_down(cluster: int, undivided: float) -> None:
    """Clustered errors: as many false alarms as in the reference; divided by phi, no more than the 5% stated."""
    generator, runs = np.random.default_rng(13), 500
    error = 3.0 * (undivided * (1.0 - undivided) / runs) ** 0.5
    assert false_alarms(generator, cluster, [1.0] * runs) == pytest.approx(undivided, abs=1.5 * error)
    phis = [estimate(generator, cluster, BLOCKS) for _ in range(runs)]
    assert false_alarms(generator, cluster, phis) <= 0.05 + 3.0 * (0.05 * 0.95 / runs) ** 0.5
