"""Dispersion by blocks of time: by hand, on clustered errors, and what must not be taken for clusters."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.stats.block_dispersion import WINDOW, BlockDispersion
from gates.stats.halves_dispersion import MARGIN

REQUESTS = 9_500
RATE = 0.005


def fed(blocks: list[tuple[int, int]]) -> BlockDispersion:
    """What these blocks of (errors, requests) lead to."""
    dispersion = BlockDispersion()
    for errors, requests in blocks:
        dispersion.add_block(errors, requests)
    return dispersion


def drawn(rng: np.random.Generator, cluster: int, factors: list[float]) -> list[tuple[int, int]]:
    """Blocks whose errors come `cluster` at once, at each factor of the usual rate."""
    return [(cluster * int(rng.poisson(REQUESTS * RATE * factor / cluster)), REQUESTS) for factor in factors]


def mean_estimate(cluster: int, factors: list[float], runs: int = 200) -> float:
    """The mean of many estimates on drawn blocks, the margin taken off again."""
    rng = np.random.default_rng(cluster)
    found = [fed(drawn(rng, cluster, factors)).get() for _ in range(runs)]
    assert None not in found
    return float(np.mean([known for known in found if known is not None])) / MARGIN


def test_by_hand() -> None:
    """The middle block of each three in a row against both its neighbours, by their requests."""
    dispersion = fed([(4, 500), (10, 500), (4, 500), (2, 1_000)])
    # (10 - 18/3)^2 = 16 of 18 * 2/9 = 4; (4 - 16/4)^2 = 0 of 16 * 3/16 = 3
    assert dispersion.blocks == 2
    assert dispersion.get() == pytest.approx(MARGIN * 16.0 / 7.0, rel=1e-9)


def test_blocks_without_data_have_no_statistic() -> None:
    """Blocks without errors, a silent middle or silent neighbours have no statistic."""
    for blocks in ([], [(5, 10)] * 2, [(0, 10)] * 9, [(1, 10), (0, 0), (1, 10)], [(0, 0), (5, 10), (0, 0)]):
        assert fed(blocks).get() is None
        assert fed(blocks).blocks == 0


def test_a_straight_drift_is_no_clustering() -> None:
    """Errors that grow by the same number from block to block leave nothing over."""
    assert fed([(10 * block, 1_000) for block in range(1, 40)]).get() == 1.0


def test_traffic_that_changes_is_no_clustering() -> None:
    """Blocks of any size with the same error rate."""
    assert fed([(size, 100 * size) for size in (1, 9, 3, 40, 2, 17)]).get() == pytest.approx(1.0)


@pytest.mark.parametrize("cluster", [1, 2, 4, 8])
def test_clustered_errors_are_recovered(cluster: int) -> None:
    """Over ten minutes of blocks the mean estimate is the clusters' size; never below 1, so a bit more than 1."""
    assert mean_estimate(cluster, [1.0] * WINDOW) == pytest.approx(cluster, rel=0.1)


def test_single_errors_now_and_then_are_no_clusters() -> None:
    """Half an error a block: the statistic is lumpy there, and about 1 all the same."""
    assert mean_estimate(1, [0.5 / (REQUESTS * RATE)] * 3 * WINDOW) == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("times", [4.0, 10.0, 100.0])
def test_bursts_and_steps_are_no_clustering(times: float) -> None:
    """Two minutes of many more errors in ten, and a rate that stays up for good: a little more than without."""
    bursts = ([1.0] * 6 + [times] * 6 + [1.0] * 18) * 2
    assert mean_estimate(1, bursts) < 1.5
    assert mean_estimate(1, [1.0] * 30 + [times] * 30) < 1.2
    assert 3.0 < mean_estimate(4, bursts) < 8.0


def test_only_the_last_blocks_count() -> None:
    """Clusters that are long gone are forgotten."""
    rng = np.random.default_rng(3)
    clustered, plain = drawn(rng, 8, [1.0] * WINDOW), drawn(rng, 1, [1.0] * WINDOW)
    long, short = fed(clustered + plain), fed(clustered[-2:] + plain)
    assert long.get() == short.get()
    assert long.blocks == 2 * WINDOW - 2


BLOCKS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 500)), max_size=80)


@given(BLOCKS, st.integers(0, 80))
def test_snapshot_continues_bit_for_bit(blocks: list[tuple[int, int]], cut: int) -> None:
    """An estimate that went through JSON in the middle ends with the very same bits."""
    straight, after = fed(blocks), BlockDispersion()
    after.load(json.loads(json.dumps(fed(blocks[:cut]).dump(), allow_nan=False)))
    for errors, requests in blocks[cut:]:
        after.add_block(errors, requests)
    assert after.dump() == straight.dump()
    assert after.get() == straight.get()


@given(BLOCKS)
def test_estimate_is_at_least_one_and_finite(blocks: list[tuple[int, int]]) -> None:
    """Whatever the blocks were, dividing by the estimate never sharpens a test."""
    found = fed(blocks).get()
    assert found is None or 1.0 <= found < float("inf")
