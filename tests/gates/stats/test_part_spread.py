"""The spread between parts: independent bad events, one burst, bursts that recur, and what is forgotten."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.stats.part_spread import KEPT, RECURRING, Parts, PartSpread, pearson
from tests.gates.stats.contract import through_json

CALM: Parts = {"a": (1, 500), "b": (1, 500)}
BURST: Parts = {"a": (200, 500), "b": (1, 500)}


def spread_of(*blocks: Parts | None) -> PartSpread:
    """After blocks of one pane; None: a block without any event."""
    spread = PartSpread()
    for number, parts in enumerate(blocks):
        if parts is not None:
            spread.add_pane(parts, pearson(parts))
        spread.close_block(number)
    return spread


@pytest.mark.parametrize("parts", [2, 8])
def test_independent_bad_events_have_a_spread_of_one(parts: int) -> None:
    """By blocks and by their panes, whatever the sizes of the parts."""
    rng = np.random.default_rng(parts)
    sizes = [200 * (1 + part) for part in range(parts)]
    found = []
    for _ in range(200):
        spread = PartSpread()
        for number in range(KEPT):
            for _ in range(5):
                pane = {str(size): (int(rng.binomial(size, 0.01)), size) for size in sizes}
                spread.add_pane(pane, pearson(pane))
            spread.close_block(number)
        found.append((spread.ratio, spread.pane_ratio))
    assert np.mean(found, axis=0) == pytest.approx([1.0, 1.0], abs=0.05)


@pytest.mark.parametrize("length", [1, 3])
def test_a_burst_counts_once_it_recurs(length: int) -> None:
    """However long each is; two of them are left out."""
    burst = [BURST] * length + [CALM] * 3
    assert spread_of(*[CALM] * 5, *burst * (RECURRING - 1)).ratio < 1.0
    assert spread_of(*[CALM] * 5, *burst * RECURRING).ratio > 50.0


def test_bursts_apart_are_apart_without_bad_events_between() -> None:
    """Blocks without any keep no record, and still part two bursts."""
    assert spread_of(*[CALM] * 8, BURST, None, BURST, None, BURST).ratio > 50.0
    assert spread_of(*[CALM] * 8, BURST, BURST, BURST).ratio < 1.0


def test_what_is_long_ago_is_forgotten() -> None:
    """The last blocks count."""
    bursts = [BURST, CALM] * RECURRING
    assert spread_of(*bursts, *[CALM] * (KEPT - 6)).ratio > 50.0
    spread = spread_of(*bursts, *[CALM] * KEPT)
    assert (spread.blocks, spread.ratio < 1.0) == (KEPT, True)


def test_one_part_or_no_bad_event_is_left_out() -> None:
    """No block is kept."""
    spread = spread_of({"a": (5, 100)}, {"a": (0, 100), "b": (0, 100)}, {"a": (5, 100), "b": (0, 0)}, None)
    assert (spread.blocks, spread.ratio, spread.pane_ratio) == (0, 0.0, 0.0)


counts = st.integers(0, 40)
panes = st.lists(st.tuples(counts, counts), max_size=60)


@given(panes, panes)
def test_a_snapshot_continues_bit_for_bit(before: list[tuple[int, int]], after: list[tuple[int, int]]) -> None:
    """In the middle of a block as well."""

    def add(spread: PartSpread, each: list[tuple[int, int]], first: int) -> None:
        for index, (one, other) in enumerate(each):
            pane = {"a": (one, 300), "b": (other, 700)}
            spread.add_pane(pane, pearson(pane))
            if index % 3 == 2:
                spread.close_block(first + index // 3)

    whole, loaded = PartSpread(), PartSpread()
    add(whole, before, 0)
    loaded.load(through_json(whole.dump()))
    for each in (whole, loaded):
        add(each, after, 100)
    assert (loaded.ratio, loaded.pane_ratio) == (whole.ratio, whole.pane_ratio)
    assert through_json(loaded.dump()) == through_json(whole.dump())
