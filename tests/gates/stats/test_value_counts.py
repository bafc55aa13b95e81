"""Values in buckets: any finite size and either sign, exact sums in any order, quantiles and means to 0.8 %."""

import doctest
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gates.stats import value_counts
from gates.stats.value_counts import ValueCounts, bucket_of, edge_of, value_of

LARGEST = 1.7976931348623157e308
LAST = bucket_of(LARGEST)
SMALLEST = 2.0**-60
"""What is nearer to zero counts as zero."""

whole_range = st.floats(allow_nan=False, allow_infinity=False)
everyday = st.floats(-1e6, 1e6) | st.integers(-10, 10).map(float)
values = st.lists(everyday | whole_range, min_size=1, max_size=60)
counted = st.lists(everyday | whole_range, max_size=30).map(ValueCounts.of)


def test_examples() -> None:
    """The examples in the documentation run."""
    assert doctest.testmod(value_counts).failed == 0


@given(st.integers(-LAST, LAST - 1))
def test_edges_ascend(bucket: int) -> None:
    """A higher bucket begins at a higher value."""
    assert edge_of(bucket) < edge_of(bucket + 1)


@given(whole_range, whole_range)
def test_buckets_ascend_with_values(one: float, other: float) -> None:
    """A greater value is never in a lower bucket; the negative value is in the negative bucket."""
    low, high = sorted([one, other])
    assert bucket_of(low) <= bucket_of(high)
    assert bucket_of(-one) == -bucket_of(one)


@given(whole_range)
@pytest.mark.parametrize("ends", [0.0, LARGEST, -LARGEST, SMALLEST, 1.0, 127.99999999999999])
def test_a_bucket_stands_for_its_values(ends: float, value: float) -> None:
    """A value's bucket begins at or before it, and what stands for the bucket is within 1/129 of it."""
    for each in (ends, value):
        if abs(each) < SMALLEST:
            assert (bucket_of(each), value_of(bucket_of(each))) == (0, 0.0)
        else:
            assert abs(edge_of(bucket_of(each))) <= abs(each)
            assert value_of(bucket_of(each)) == pytest.approx(each, rel=1 / 129 + 1e-12)


@settings(max_examples=300)
@given(values, st.floats(0.0, 1.0) | st.sampled_from([0.0, 0.5, 0.95, 0.99, 1.0]))
def test_quantiles_are_numpys(seen: list[float], q: float) -> None:
    """A quantile is the lower order statistic of numpy, to 0.8 %."""
    expected = float(np.quantile(np.array(seen), q, method="lower"))
    assert ValueCounts.of(seen).quantile(q) == pytest.approx(expected, rel=0.008, abs=SMALLEST)


@settings(max_examples=300)
@given(values)
def test_means_are_near(seen: list[float]) -> None:
    """The mean is known to 0.8 % of the mean size, whatever cancels, and never overflows."""
    mean = ValueCounts.of(seen).mean()
    assert mean is not None
    assert math.isfinite(mean)
    exact = sum(map(Fraction, seen), Fraction(0)) / len(seen)
    size = sum((abs(Fraction(value)) for value in seen), Fraction(0)) / len(seen)
    assert abs(Fraction(mean) - exact) <= size * Fraction(8, 1000) + Fraction(SMALLEST)


@given(st.lists(st.floats(1e-3, 1e9), min_size=1, max_size=60))
def test_means_of_one_sign_are_numpys(seen: list[float]) -> None:
    """Where nothing cancels the mean is numpy's to 0.8 %."""
    assert ValueCounts.of(seen).mean() == pytest.approx(np.mean(seen), rel=0.008)


def test_nothing_has_no_mean() -> None:
    """Without values there is no mean and no quantile."""
    nothing = ValueCounts.of([])
    assert (nothing.total, nothing.mean(), nothing.quantile(0.5)) == (0, None, None)


@given(values, everyday)
def test_at_or_above(seen: list[float], limit: float) -> None:
    """How many values reach a limit is exact to the limit's bucket."""
    bucket = bucket_of(limit)
    assert ValueCounts.of(seen).at_or_above(bucket) == sum(bucket_of(value) >= bucket for value in seen)


@given(counted, counted, counted)
def test_merging_in_any_order_is_the_same(one: ValueCounts, two: ValueCounts, three: ValueCounts) -> None:
    """Associative and commutative, with no values as zero."""
    assert one.merge(two) == two.merge(one)
    assert one.merge(two).merge(three) == one.merge(two.merge(three))
    assert one.merge(ValueCounts()) == one == ValueCounts().merge(one)


@given(values, values)
def test_merging_is_counting_all(one: list[float], other: list[float]) -> None:
    """Two merged are the counts of all their values."""
    assert ValueCounts.of(one).merge(ValueCounts.of(other)) == ValueCounts.of(one + other)


@given(counted)
def test_wire_form(known: ValueCounts) -> None:
    """Lists there and back change nothing."""
    assert ValueCounts.from_lists(*known.to_lists()) == known


@pytest.mark.parametrize(
    ("buckets", "counts"),
    [
        ([1], []),
        ([], [1]),
        ([1, 2], [1]),
        ([1], [0]),
        ([1], [-1]),
        ([2, 1], [1, 1]),
        ([1, 1], [1, 1]),
        ([LAST + 1], [1]),
        ([-LAST - 1], [1]),
        ([10**30], [1]),
    ],
)
def test_what_is_no_wire_form_is_refused(buckets: list[int], counts: list[int]) -> None:
    """Other lengths, counts that are not positive, buckets that do not ascend or hold no finite value: ValueError."""
    with pytest.raises(ValueError, match="bucket"):
        ValueCounts.from_lists(buckets, counts)
