"""The budget's ledger: what is spent never falls, never grows without an error, and a shared outage is not counted."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gates.stats.budget_spent import BudgetLedger, CohortCounts

PANES = st.lists(
    st.tuples(st.integers(0, 30), st.floats(0, 1), st.integers(0, 30), st.floats(0, 1), st.integers(1, 400)),
    max_size=60,
)


def fed(ledger: BudgetLedger, second: int, candidate: tuple[int, int], baseline: tuple[int, int]) -> float:
    """What is spent after one more pane of a second."""
    ledger.add_pane(second * 1_000, 1_000, CohortCounts(*candidate), CohortCounts(*baseline))
    return ledger.spent


@given(PANES)
def test_what_is_spent_never_falls_and_grows_with_errors_only(panes: list[tuple[int, float, int, float, int]]) -> None:
    """Whatever comes, with gaps between panes too; and a ledger that was saved and read continues as the other."""
    ledger, second, before = BudgetLedger(0.99), 0, 0.0
    for own, bad, other, worse, gap in panes:
        errors = int(own * bad)
        copy = BudgetLedger(0.99)
        copy.load(json.loads(json.dumps(ledger.dump())))
        spent = fed(ledger, second, (own, errors), (other, int(other * worse)))
        assert spent == fed(copy, second, (own, errors), (other, int(other * worse)))
        assert spent >= before
        assert errors or spent == before
        before, second = spent, second + gap


def test_silence_spends_nothing_and_makes_no_error_dearer() -> None:
    """An hour without requests, and then an error: as if the hour had not been."""
    found = []
    for gap in (0, 3_600):
        ledger = BudgetLedger(0.999)
        for second in range(100):
            fed(ledger, second, (10, 1), (10, 0))
        for second in range(100, 100 + gap):
            fed(ledger, second, (0, 0), (0, 0))
        found.append(fed(ledger, 100 + gap, (10, 1), (10, 0)))
    assert found[0] == found[1]


def test_a_shared_outage_is_hardly_counted_and_a_worse_candidate_is() -> None:
    """An hour in which both fail 30% spends as much as a few minutes of it alone; three times the rate spends most."""
    rng = np.random.default_rng(3)
    counted = {}
    for rate in (0.3, 0.9):
        ledger = BudgetLedger(0.999)
        for second in range(3_600):
            fed(ledger, second, (10, int(rng.binomial(10, rate))), (10, int(rng.binomial(10, 0.3))))
        counted[rate] = ledger.errors
    assert counted[0.3] < 0.05 * 0.3 * 36_000
    assert counted[0.9] > 0.9 * 0.6 * 36_000


def test_the_first_minute_of_a_shared_outage_is_no_different() -> None:
    """Both fail alike after healthy hours: the healthy seconds before do not make the baseline look good."""
    rng = np.random.default_rng(5)
    ledger = BudgetLedger(0.999)
    for second in range(7_200):
        fed(ledger, second, (60, 0), (60, 0))
    failed = 0
    for second in range(7_200, 7_260):
        errors = int(rng.binomial(60, 0.25))
        failed += errors
        fed(ledger, second, (60, errors), (60, int(rng.binomial(60, 0.25))))
    assert ledger.errors < 0.1 * failed


def test_errors_counted_before_both_failed_are_not_counted_again() -> None:
    """The candidate fails alone, then both: what it was charged with stays, and only errors beyond that add."""
    ledger = BudgetLedger(0.999)
    for second in range(20):
        fed(ledger, second, (10, 5), (10, 0))
    assert ledger.errors == 100
    for second in range(20, 60):
        fed(ledger, second, (10, 5), (10, 5))
    assert ledger.errors == 100


def test_a_pane_of_minutes_is_charged_too() -> None:
    """A pane that is longer than the minute that is remembered."""
    ledger = BudgetLedger(0.999)
    ledger.add_pane(0, 120_000, CohortCounts(100, 7), CohortCounts(100, 50))
    assert ledger.errors == 7
