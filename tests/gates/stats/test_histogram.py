"""The latency histogram: reference buckets, exact sums in any order, quantiles within 1 % of numpy's."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gates.stats.exceedance import bucket_at
from gates.stats.histogram import (
    BUCKETS,
    EMPTY,
    Histogram,
    RunningHistogram,
    bucket_indices,
    lower_edges,
)

latencies = st.lists(st.floats(0.0, 300_000.0), max_size=60)
histograms = latencies.map(Histogram.of)


@pytest.mark.parametrize(
    ("seconds", "index", "edges"),
    [
        (0.001, 257, (0.0009918212890625, 0.001007080078125)),
        (0.1, 678, (0.099609375, 0.1005859375)),
        (0.25, 768, (0.25, 0.25390625)),
        (1.0, 896, (1.0, 1.015625)),
        (1.5, 928, (1.5, 1.515625)),
        (0.27734375, 775, (0.27734375, 0.28125)),
        (0.2734375, 774, (0.2734375, 0.27734375)),
    ],
)
def test_buckets_have_the_reference_values(seconds: float, index: int, edges: tuple[float, float]) -> None:
    """Index and edges of a latency's bucket are those of the reference, to the bit."""
    assert bucket_indices(np.array([seconds])).tolist() == [index]
    assert tuple(lower_edges(np.array([index, index + 1])).tolist()) == edges


def test_what_is_beyond_the_range_counts_at_its_end() -> None:
    """Below 61 us counts in the first bucket, from 256 s on in the last; nothing is lost."""
    found = bucket_indices(np.array([0.0, -0.0, 1e-9, 2.0**-14, 255.9, 256.0, 1e9]))
    assert found.tolist() == [0, 0, 0, 0, BUCKETS - 1, BUCKETS - 1, BUCKETS - 1]


@settings(max_examples=60, deadline=None)
@given(histograms, histograms, histograms)
def test_merge_is_associative_and_commutative(a: Histogram, b: Histogram, c: Histogram) -> None:
    """Sums do not depend on their order, and the empty histogram adds nothing."""
    assert a.merge(b) == b.merge(a)
    assert a.merge(b).merge(c) == a.merge(b.merge(c))
    assert a.merge(EMPTY) == EMPTY.merge(a) == a
    assert a.merge(b).total == a.total + b.total


@settings(max_examples=60, deadline=None)
@given(latencies, latencies)
def test_merge_is_the_histogram_of_all(a: list[float], b: list[float]) -> None:
    """Two histograms merged are the histogram of both sets of latencies."""
    assert Histogram.of(a).merge(Histogram.of(b)) == Histogram.of(a + b)


@settings(max_examples=60, deadline=None)
@given(st.lists(histograms, max_size=12), st.integers(1, 4))
def test_running_sum_is_exact(entering: list[Histogram], length: int) -> None:
    """What was added and removed again leaves no trace: the running sum is that of what is still in it."""
    running = RunningHistogram()
    for index, histogram in enumerate(entering):
        running.add(histogram)
        if index >= length:
            running.remove(entering[index - length])
        expected = EMPTY
        for inside in entering[max(0, index - length + 1) : index + 1]:
            expected = expected.merge(inside)
        assert running.get() == expected
        assert running.get().quantile(0.5) == expected.quantile(0.5)


@given(st.lists(histograms, max_size=4), histograms)
def test_to_slide_is_to_remove_and_to_add(gone: list[Histogram], new: Histogram) -> None:
    """What leaves the window is taken out, and what enters it is counted in."""
    running = RunningHistogram()
    running.add_all(gone)
    running.slide(gone, new)
    assert running.get() == new


Floats = np.ndarray[Any, np.dtype[np.float64]]


@st.composite
def raw_latencies(draw: st.DrawFn) -> Floats:
    """Draw 1 to 2000 latencies between 1 ms and 60 s, from one of several shapes."""
    size = draw(st.integers(1, 2000))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.sampled_from(["uniform", "lognormal", "heavy", "two humps", "constant", "few values"]))
    shapes: dict[str, Callable[[], NDArray[np.float64]]] = {
        "uniform": lambda: rng.uniform(1.0, 60_000.0, size),
        "lognormal": lambda: rng.lognormal(4.5, 0.6, size),
        "heavy": lambda: 10.0 * (1.0 + rng.pareto(0.8, size)),
        "two humps": lambda: np.where(rng.random(size) < 0.9, rng.normal(20.0, 2.0, size), rng.normal(9e3, 1e3, size)),
        "constant": lambda: np.full(size, rng.uniform(1.0, 60_000.0)),
        "few values": lambda: rng.choice([1.0, 7.5, 800.0, 60_000.0], size),
    }
    clipped: NDArray[np.float64] = np.clip(shapes[shape](), 1.0, 60_000.0)
    return clipped


@settings(max_examples=150, deadline=None)
@given(raw_latencies(), st.floats(0.0, 1.0))
def test_quantiles_are_within_one_percent(raw: np.ndarray, q: float) -> None:
    """Any quantile of any latencies is within 1 % of numpy's on the raw values."""
    histogram = Histogram.of(raw)
    for each in (q, 0.0, 0.5, 0.95, 0.99, 1.0):
        assert histogram.quantile(each) == pytest.approx(float(np.quantile(raw, each)), rel=0.01)


def test_no_data_has_no_quantile() -> None:
    """Nothing measured is no figure, least of all zero."""
    assert EMPTY.quantile(0.5) is None
    assert RunningHistogram().get().quantile(0.99) is None
    assert Histogram.of([]) == EMPTY


@settings(max_examples=60, deadline=None)
@given(histograms)
def test_wire_form_comes_back_the_same(histogram: Histogram) -> None:
    """`from_lists` takes back what `to_lists` gave."""
    assert Histogram.from_lists(*histogram.to_lists()) == histogram
    assert hash(Histogram.from_lists(*histogram.to_lists())) == hash(histogram)


@pytest.mark.parametrize(
    ("indices", "counts"),
    [
        ([1, 2], [1]),
        ([], [1]),
        ([-1], [1]),
        ([BUCKETS], [1]),
        ([5, 5], [1, 1]),
        ([6, 5], [1, 1]),
        ([5], [0]),
        ([5], [-3]),
    ],
)
def test_wire_form_refuses_garbage(indices: list[int], counts: list[int]) -> None:
    """Lengths that differ, buckets unknown, repeated or out of order, counts not positive: ValueError."""
    with pytest.raises(ValueError, match="bucket"):
        Histogram.from_lists(indices, counts)


@pytest.mark.parametrize(("indices", "counts"), [([5], [2**63]), ([2**70], [1])])
def test_wire_form_refuses_numbers_beyond_64_bits(indices: list[int], counts: list[int]) -> None:
    """A number that no histogram can hold is a ValueError like all other garbage."""
    with pytest.raises(ValueError, match="bucket"):
        Histogram.from_lists(indices, counts)


@settings(max_examples=60, deadline=None)
@given(latencies, st.floats(1.0, 60_000.0))
def test_above_counts_what_is_above_to_the_buckets_resolution(raw: list[float], limit: float) -> None:
    """`above` counts every latency more than a bucket above the limit, and none at or below it."""
    running = RunningHistogram()
    running.add(Histogram.of(raw))
    assert (
        sum(ms > limit * 1.016 for ms in raw)
        <= running.at_or_above(bucket_at(limit) + 1)
        <= sum(ms > limit for ms in raw)
    )


@pytest.mark.parametrize("array", [np.zeros(3), np.array([1, 2, 3])])
def test_histograms_are_frozen(array: Any) -> None:
    """A histogram handed on cannot be changed by whoever holds it."""
    histogram = Histogram.of(array)
    with pytest.raises(ValueError, match="read-only"):
        histogram.counts[0] = 7


def test_counts_by_bucket_in_any_order() -> None:
    """No counts are the empty histogram."""
    assert Histogram.of_counts({7: 2, 3: 1}).to_lists() == ([3, 7], [1, 2])
    assert Histogram.of_counts({}).to_lists() == ([], [])
