"""The blocks that made an e-value: few, the largest first, and with the rest they multiply to it."""

from __future__ import annotations

import json
from math import prod

import pytest

from gates.stats.largest_blocks import BAD_EVENTS, LISTED, LOST_SUCCESSES, Growth, LargestBlocks
from gates.stats.pane_counts import PaneCounts

COUNTS = PaneCounts(5, 9, 50, 950)


def closed(*growths: tuple[float, float]) -> tuple[LargestBlocks, float]:
    """Blocks of a second: what lost successes multiply by, and then what bad events do; and the e-value after them."""
    largest, e_value = LargestBlocks(), 1.0
    for second, (lost, bad) in enumerate(growths):
        largest.add_counts(COUNTS, (second * 1_000, second * 1_000 + 1_000))
        largest.close(e_value * lost, e_value * lost * bad)
        e_value *= lost * bad
    return largest, e_value


def test_ten_are_kept_and_multiply_to_the_e_value_with_the_others() -> None:
    """Twelve blocks that raise it, of which the two smallest are among the others, and one that lowers it."""
    factors = [1.1 + 0.1 * number for number in range(12)]
    largest, e_value = closed((1.0, 0.5), *((1.0, factor) for factor in factors))
    report = largest.report(e_value)
    assert [growth.factor for growth in report.largest] == pytest.approx(factors[:1:-1])
    assert len(report.largest) == LISTED
    assert report.others == pytest.approx(0.5 * 1.1 * 1.2)
    assert prod([report.others, *(growth.factor for growth in report.largest)]) == pytest.approx(report.whole)
    assert (report.number, report.whole, report.agreement) == (13, e_value, None)


def test_lost_successes_stand_by_themselves_also_of_an_open_block() -> None:
    """A candidate that fails everything is decided before its first block ends."""
    largest, e_value = closed((4.0, 3.0))
    largest.add_counts(COUNTS, (1_000, 2_000))
    largest.add_counts(COUNTS, (3_000, 4_000))
    report = largest.report(e_value * 8.0)
    assert report.largest == (
        Growth(8.0, 1_000, 4_000, LOST_SUCCESSES, PaneCounts(10, 18, 100, 1_900)),
        Growth(4.0, 0, 1_000, LOST_SUCCESSES, COUNTS),
        Growth(3.0, 0, 1_000, BAD_EVENTS, COUNTS),
    )
    assert report.others == pytest.approx(1.0)
    assert report.number == 2


def test_blocks_without_bad_events_are_not_counted_nor_those_without_counts() -> None:
    """Nothing was seen in them."""
    largest = LargestBlocks()
    largest.close(1.0, 1.0)
    largest.add_counts(PaneCounts(0, 0, 50, 950), (0, 1_000))
    largest.close(0.9, 0.9)
    report = largest.report(0.9)
    assert (report.largest, report.number) == ((), 0)
    assert report.others == pytest.approx(0.9)


def test_an_e_value_that_vanished_is_no_fault() -> None:
    """Its logarithm would be none; growth from nothing has no factor."""
    largest, _ = closed((1.0, 2.0))
    largest.add_counts(COUNTS, (1_000, 2_000))
    largest.close(0.0, 1e-300)
    assert [growth.factor for growth in largest.report(0.0).largest] == [2.0]
    assert largest.report(0.0).others == 0.0


def test_a_dump_goes_on_bit_for_bit() -> None:
    """With an open block and without, through JSON."""
    largest, e_value = closed((2.0, 3.0), (1.0, 0.25), (1.0, 1.0 / 3.0))
    for _ in range(2):
        other = LargestBlocks()
        other.load(json.loads(json.dumps(largest.dump())))
        assert other.dump() == largest.dump()
        assert other.report(e_value) == largest.report(e_value)
        largest.add_counts(PaneCounts(0.3, 0, 1, 2), (5_000, 6_000))
