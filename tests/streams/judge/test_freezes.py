"""Freezes of a journal partition: orders, their ends, copies and bounds."""

from __future__ import annotations

from typing import Any

import pytest

from gates.machine import freezes
from streams.journal import Freeze, Origin, Signed
from streams.judge.freezes import FORGET_MS, MOST_FREEZES, Freezes, TooManyFreezesError
from streams.judge.replay_guard import ReplayedError


def order(frozen: bool = True, label: str | None = None, **fields: Any) -> Freeze:
    """An order of an operator."""
    return Freeze(frozen=frozen, label=label, by="ann", reason="peak", at=1, **fields)


def test_a_label_has_one_freeze() -> None:
    """A later order replaces it, and one that ends it leaves the others."""
    known = Freezes()
    for until in (1_000, 2_000):
        assert known.apply(order(until=until), 0)
    known.apply(order(label="tier=1"), 0)
    assert known.in_force == (
        freezes.Freeze("ann", "peak", None, 2_000),
        freezes.Freeze("ann", "peak", "tier=1", None),
    )
    known.apply(order(frozen=False), 0)
    known.apply(order(frozen=False, label="tier=2"), 0)
    assert [each.label for each in known.in_force] == ["tier=1"]


def test_an_order_counts_once() -> None:
    """By its place, as other orders; a signed copy is refused."""
    known = Freezes()
    first = order(origin=Origin("rollout-controls", 0, 7), signed=Signed("key", "id-1", 99))
    assert known.apply(first, 0)
    assert not known.apply(first, 0)
    with pytest.raises(ReplayedError, match="order id-1 of ann for a freeze was seen before"):
        known.apply(order(origin=Origin("rollout-controls", 0, 8), signed=first.signed), 0)


def test_old_freezes_are_forgotten_and_new_ones_bounded() -> None:
    """An ended freeze counts no more; of too many labels the last is refused, and a known one still changes."""
    known = Freezes()
    known.apply(order(until=5), 0)
    known.apply(order(label="a=1"), 4 + FORGET_MS)
    assert len(known.in_force) == 2
    known.apply(order(label="a=1"), 5 + FORGET_MS)
    assert [each.label for each in known.in_force] == ["a=1"]
    for number in range(MOST_FREEZES - 1):
        known.apply(order(label=f"b={number}"), 0)
    with pytest.raises(TooManyFreezesError):
        known.apply(order(label="c=1"), 0)
    known.apply(order(label="a=1", until=9), 0)
    assert len(known.in_force) == MOST_FREEZES
