"""What a check catches and when, by its limit or by comparison; and what a healthy candidate breaks."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest

from gates.advice.catching import (
    ALL_BAD,
    SpendBreach,
    StageTraffic,
    below_base,
    breach_of,
    catches,
    healthy_breach,
    smallest,
    spent_per_second,
)
from gates.advice.detectability import EFFECTS, Detectability, detectability
from gates.slis.bounds import SpendBound, WindowBound
from gates.stats.power import Traffic
from tests.gates.good_policy import Document, changed

TRAFFIC = StageTraffic(1_000.0, 0.1, 0.0, 0.01, 1.0)
LIMIT = WindowBound("limit", 0.05, 30_000, 20, of_errors=True)
SLOW = WindowBound("limit", 0.05, 30_000, 20, of_errors=False)
BUDGET = SpendBound("spend", 0.999, 0.05, 20)


def compared(name: str, changes: Document | None = None) -> Detectability:
    """What a comparison of the good policy detects."""
    policy = changed(changes or {})
    found = detectability(policy, name, policy.checks[name], Traffic(TRAFFIC.rps, TRAFFIC.weight), TRAFFIC.base)
    assert found is not None
    return found


def test_the_faster_of_limit_and_comparison_counts() -> None:
    """A small regression is found by comparison, a large one by the limit; times are ends of panes."""
    found = {catch.times: catch for catch in catches(LIMIT, compared("errors"), TRAFFIC)}
    assert set(found) == {*EFFECTS, ALL_BAD}
    assert (found[1.5].by, found[2.0].by, found[ALL_BAD].by) == ("comparison", "comparison", "limit")
    assert found[ALL_BAD].median == 1.0
    assert all(catch.median <= catch.p95 for catch in found.values())
    panes = {catch.median for catch in catches(LIMIT, compared("errors"), replace(TRAFFIC, pane_s=5.0))}
    assert all(seconds % 5.0 == 0.0 for seconds in panes)


def test_what_is_not_caught_is_caught_by_nothing() -> None:
    """A limit of 5% and errors of 2%."""
    small = next(catch for catch in catches(LIMIT, None, replace(TRAFFIC, base=0.001)) if catch.times == 2.0)
    assert (small.median, small.p95, small.by) == (inf, inf, None)


def test_slow_requests_are_foreseen_for_all_of_them() -> None:
    """How slow requests are is not known; without a limit, nor is how many of them are at worst."""
    assert [catch.times for catch in catches(SLOW, None, TRAFFIC)] == [ALL_BAD]
    assert [catch.times for catch in catches(SLOW, compared("p95"), TRAFFIC)] == [*EFFECTS, ALL_BAD]
    assert [catch.times for catch in catches(None, compared("p95"), TRAFFIC)] == list(EFFECTS)
    assert catches(None, None, TRAFFIC) == ()


@pytest.mark.parametrize(
    ("bound", "name", "within_s", "expected"),
    [
        (LIMIT, None, 600.0, ("limit", 4.0)),
        (LIMIT, "errors", 600.0, ("comparison", 1.5)),
        (LIMIT, None, 0.1, None),
        (SLOW, None, 600.0, None),
        (None, "errors", 600.0, ("comparison", 1.5)),
        (None, "errors", 0.01, None),
        (BUDGET, None, 3_600.0, ("limit", 37.0)),
    ],
)
def test_the_smallest_that_is_caught(
    bound: WindowBound | SpendBound | None, name: str | None, within_s: float, expected: tuple[str, float] | None
) -> None:
    """Within so long, by whichever finds the smaller one."""
    found = smallest(bound, None if name is None else compared(name), TRAFFIC, within_s)
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert found.by == expected[0]
        assert found.times == pytest.approx(expected[1], rel=0.1)


def test_a_budget_is_spent_by_errors() -> None:
    """5% of the budget of 30 days of 99.9%: at the SLO itself and all of the traffic in 36 hours."""
    full = replace(TRAFFIC, weight=1.0, base=0.001)
    assert spent_per_second(full, 0.999, 0.001) * 36 * 3_600 == pytest.approx(0.05)
    assert breach_of(BUDGET, full, 0.001).time(0.5) == pytest.approx(36 * 3_600)
    assert breach_of(BUDGET, replace(full, spent=lambda _: 0.025), 0.001).time(0.5) == pytest.approx(18 * 3_600)
    assert breach_of(BUDGET, replace(full, spent=lambda _: 1.0), 0.001).time(0.5) == 20.0  # min_events


def test_a_shared_outage_spends_nothing() -> None:
    """While the baseline fails beyond the SLO as well; alone, without a baseline, all errors count."""
    assert spent_per_second(TRAFFIC, 0.999, 0.01) == 0.0
    assert breach_of(BUDGET, TRAFFIC, 0.01).time(0.5) == inf
    assert spent_per_second(replace(TRAFFIC, weight=1.0), 0.999, 0.01) > 0.0
    breach = SpendBreach(5.0)
    assert (breach.chance(4.9), breach.chance(5.0), breach.time(0.95)) == (0.0, 1.0, 5.0)


def test_what_a_healthy_candidate_breaks() -> None:
    """Known for limits on errors only."""
    low = replace(LIMIT, share=0.001)
    found = healthy_breach(low, TRAFFIC)
    assert found is not None
    assert found.time(0.5) == pytest.approx(20.0, abs=1.0)  # 20 errors, one each second
    assert (below_base(low, TRAFFIC), below_base(LIMIT, TRAFFIC)) == (True, False)
    assert (below_base(replace(SLOW, share=0.001), TRAFFIC), below_base(BUDGET, TRAFFIC)) == (False, False)
    assert healthy_breach(SLOW, TRAFFIC) is None
    assert healthy_breach(None, TRAFFIC) is None
    assert healthy_breach(BUDGET, TRAFFIC) is not None
