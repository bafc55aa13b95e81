"""Burn rate and error budget: the table of the SRE Workbook, the guard against few events, the budget spent."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.stats.burn_rate import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    PERIOD_MS,
    BudgetSpent,
    BurnRule,
    WindowCounts,
    budget,
    burn,
)

QUIET = WindowCounts(0, 0)
PAGE_FAST = BurnRule(0.02, HOUR_MS)
PAGE_SLOW = BurnRule(0.05, 6 * HOUR_MS)
TICKET = BurnRule(0.10, 3 * DAY_MS)
STAGE = BurnRule(0.02, 5 * MINUTE_MS)


@pytest.mark.parametrize(
    ("rule", "long_ms", "short_ms", "threshold", "budget_share"),
    [
        (PAGE_FAST, HOUR_MS, 5 * MINUTE_MS, 14.4, 0.02),
        (PAGE_SLOW, 6 * HOUR_MS, 30 * MINUTE_MS, 6.0, 0.05),
        (TICKET, 3 * DAY_MS, 6 * HOUR_MS, 1.0, 0.10),
        (STAGE, 5 * MINUTE_MS, 25_000, 172.8, 0.02),
    ],
)
def test_rules_have_the_numbers_of_the_table(
    rule: BurnRule, long_ms: int, short_ms: int, threshold: float, budget_share: float
) -> None:
    """Windows, thresholds and budget shares are those of the workbook, and of the guard rail of a stage."""
    assert (rule.long_ms, rule.short_ms) == (long_ms, short_ms)
    assert rule.threshold == pytest.approx(threshold, rel=1e-9)
    assert rule.threshold * rule.long_ms / rule.period_ms == pytest.approx(budget_share, rel=1e-9)


@pytest.mark.parametrize(("rule", "rate"), [(PAGE_FAST, 0.0144), (PAGE_SLOW, 0.006), (TICKET, 0.001)])
def test_error_rates_at_three_nines(rule: BurnRule, rate: float) -> None:
    """At an SLO of 99.9 % the rules burn beyond 1.44 %, 0.6 % and 0.1 % of errors."""
    assert rule.error_rate(0.999) == pytest.approx(rate, rel=1e-9)


def test_detection_is_when_the_windows_say_so() -> None:
    """Second by second, a total outage sets the first rule off at the 52nd second, and ends with the short window."""
    rps = 10
    history = [0] * 3_600 + [rps] * 120 + [0] * 600

    def window(end: int, seconds: int) -> WindowCounts:
        return WindowCounts(sum(history[end - seconds : end]), rps * seconds)

    burning = [
        PAGE_FAST.burning(window(end, 3_600), window(end, 300), slo=0.999) for end in range(3_600, len(history) + 1)
    ]
    assert burning.index(True) == 52
    last = len(burning) - 1 - burning[::-1].index(True)
    assert last == 120 + 295  # then 4.3 of the last 300 s were bad, and no more


def test_stage_rule_needs_a_small_budget() -> None:
    """The guard rail of a stage can burn only where the budget is below 1/172.8."""
    total = WindowCounts(30_000, 30_000), WindowCounts(2_500, 2_500)
    assert STAGE.burning(*total, slo=0.9943)
    assert not STAGE.burning(*total, slo=0.994)
    assert STAGE.error_rate(0.994) > 1.0 > STAGE.error_rate(0.9943)


def test_both_windows_must_be_beyond() -> None:
    """A blip is in the short window only, a fault that is over in the long one only: neither burns."""
    bad, good = WindowCounts(500, 10_000), WindowCounts(0, 1_000)
    assert PAGE_FAST.burning(bad, WindowCounts(50, 1_000), slo=0.999)
    assert not PAGE_FAST.burning(bad, good, slo=0.999)
    assert not PAGE_FAST.burning(WindowCounts(50, 10_000), WindowCounts(50, 1_000), slo=0.999)


@pytest.mark.parametrize(("errors", "burns"), [(1, False), (19, False), (20, True)])
def test_few_errors_burn_nothing(errors: int, burns: bool) -> None:
    """Thin traffic: however high the rate, it takes the minimum of errors; the minimum is the rule's."""
    window = WindowCounts(errors, errors)
    assert PAGE_FAST.burning(window, window, slo=0.999) is burns
    assert BurnRule(0.02, HOUR_MS, min_errors=1).burning(window, window, slo=0.999)


def test_exactly_at_the_threshold_does_not_burn() -> None:
    """Beyond means beyond."""
    assert not PAGE_FAST.burning(WindowCounts(144, 10_000), WindowCounts(144, 10_000), slo=0.999)
    assert PAGE_FAST.burning(WindowCounts(145, 10_000), WindowCounts(145, 10_000), slo=0.999)


def test_without_requests() -> None:
    """Nothing seen: no burn rate, no share of the budget, and no alarm, even where one error would be enough."""
    assert burn(0, 0, 0.999) is None
    assert BudgetSpent(0.999).get() is None
    assert not BurnRule(0.02, HOUR_MS, min_errors=0).burning(QUIET, QUIET, slo=0.999)


@pytest.mark.parametrize("slo", [0.0, 1.0, 99.9, -0.1, float("nan")])
def test_an_slo_that_leaves_no_budget_is_refused(slo: float) -> None:
    """An SLO is a share below 1, with something left to spend."""
    for attempt in (
        lambda: budget(slo),
        lambda: BudgetSpent(slo),
        lambda: PAGE_FAST.burning(QUIET, QUIET, slo=slo),
    ):
        with pytest.raises(ValueError, match="an SLO lies between 0 and 1"):
            attempt()


@pytest.mark.parametrize(("rule", "share"), [(PAGE_FAST, 0.02), (PAGE_SLOW, 0.05), (TICKET, 0.10), (STAGE, 0.02)])
def test_budget_spent_is_that_of_the_table(rule: BurnRule, share: float) -> None:
    """A long window at the threshold's error rate spends the rule's share of the budget."""
    spent, panes = BudgetSpent(0.999), 100
    requests = 10_000_000
    for _ in range(panes):
        errors = round(rule.error_rate(0.999) * requests)
        spent.add_pane(requests=requests, errors=errors, lasting_ms=rule.long_ms // panes)
    assert spent.get() == pytest.approx(share, rel=1e-6)


def test_budget_spent_is_burn_times_time_over_period() -> None:
    """The same figure two ways, to the last digits; a whole period at burn 1 spends it all."""
    spent = BudgetSpent(0.995)
    spent.add_pane(requests=86_400_000, errors=123_456, lasting_ms=DAY_MS)
    rate = burn(123_456, 86_400_000, 0.995)
    assert rate is not None
    assert spent.get() == pytest.approx(rate * DAY_MS / PERIOD_MS, rel=1e-9)
    whole = BudgetSpent(0.999)
    whole.add_pane(requests=1_000_000, errors=1_000, lasting_ms=PERIOD_MS)
    assert whole.get() == pytest.approx(1.0, rel=1e-9)


def test_only_the_rollouts_share_of_the_errors_is_spent() -> None:
    """A candidate at a tenth of the traffic spends a tenth of what it would spend with all of it."""
    tenth, full = BudgetSpent(0.999), BudgetSpent(0.999)
    tenth.add_pane(requests=100_000, errors=500, lasting_ms=HOUR_MS)
    full.add_pane(requests=100_000, errors=5_000, lasting_ms=HOUR_MS)
    first, second = tenth.get(), full.get()
    assert first is not None
    assert second is not None
    assert second == pytest.approx(10.0 * first, rel=1e-12)


panes = st.lists(st.tuples(st.integers(0, 1_000), st.integers(0, 100), st.integers(1, 60_000)), max_size=30)


@given(panes, st.integers(0, 30))
def test_snapshot_continues_bit_for_bit(seen: list[tuple[int, int, int]], cut: int) -> None:
    """A sum that went through JSON in the middle ends with the very same bits."""
    straight, before, after = BudgetSpent(0.999), BudgetSpent(0.999), BudgetSpent(0.999)

    def walk(spent: BudgetSpent, part: list[tuple[int, int, int]]) -> None:
        for requests, errors, lasting in part:
            spent.add_pane(requests=requests, errors=min(errors, requests), lasting_ms=lasting)

    walk(straight, seen)
    walk(before, seen[:cut])
    after.load(json.loads(json.dumps(before.dump())))
    walk(after, seen[cut:])
    assert after.dump() == straight.dump()
    assert after.get() == straight.get()


@given(panes)
def test_budget_spent_never_shrinks_while_traffic_is_even(seen: list[tuple[int, int, int]]) -> None:
    """At a steady request rate, more errors and more time never give budget back."""
    spent, found = BudgetSpent(0.999), [0.0]
    for _, errors, _ in seen:
        spent.add_pane(requests=1_000, errors=errors, lasting_ms=1_000)
        found.append(spent.get() or 0.0)
    assert all(later >= earlier * (1.0 - 1e-12) for earlier, later in itertools.pairwise(found))
