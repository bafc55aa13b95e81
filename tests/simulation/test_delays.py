"""How long the whole gate takes to roll back: as promised, and as `sluicegate plan` estimates in advance."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

from gates.advice.plan import plan
from tests.simulation.rollouts import ERRORS, LATENCY, LOG, median_delay_s, policy, runs

pytestmark = pytest.mark.slow

PANE_S = 1.0
RPS = 1_000
INDEPENDENT: dict[str, Any] = {"confidence": {"dispersion": 1}}
"""What the designed delays take as known: that errors are independent."""


@pytest.mark.parametrize(
    ("ratio", "share", "times", "number", "seconds"),
    [
        (1.25, "5%", 2, 300, 72),
        (1.25, "10%", 2, 400, 37),
        (1.25, "5%", 5, 400, 5),
        (1.25, "10%", 5, 400, 3),
        (1.0, "5%", 2, 400, 36),
        (1.0, "5%", 5, 400, 4),
    ],
)
def test_bad_candidate_is_rolled_back_in_time(
    ratio: float, share: str, times: float, number: int, seconds: float
) -> None:
    """1,000 requests a second, 1 % errors: the median delay is the one of the design within 15 %, or one pane."""
    found = runs(
        policy(share, checks={"errors": ERRORS | {"ratio": ratio}}, **INDEPENDENT),
        number,
        31,
        rps=RPS,
        error_rate="1%",
        duration="10m",
        changes=[{"at": "0s", "candidate": {"error_ratio": times}}],
    )
    delay = median_delay_s(found)
    LOG.info("ratio %g, share %s, %g times the errors: %g s, designed %g s", ratio, share, times, delay, seconds)
    assert delay == pytest.approx(seconds, abs=max(PANE_S, 0.15 * seconds))


def test_late_fault_is_found_about_as_soon() -> None:
    """After a quarter of an hour without fault, 0.1 % errors: evidence against the candidate does not have to catch up.

    The fault comes before the bake is over; the prior over starts spans twice the bake.
    """
    found = runs(
        policy("5%", bake="20m", **INDEPENDENT),
        100,
        32,
        rps=RPS,
        error_rate="0.1%",
        duration="18m",
        changes=[{"at": "15m", "candidate": {"error_ratio": 5}}],
    )
    delay = median_delay_s(found)
    LOG.info("a late fault: %g s, designed 57 s", delay)
    assert delay == pytest.approx(57, rel=0.15)


@pytest.mark.parametrize(
    ("share", "base", "times", "number", "stated"),
    [
        ("5%", 0.01, 2, 200, INDEPENDENT),
        ("5%", 0.001, 5, 200, INDEPENDENT),
        ("25%", 0.001, 2, 150, INDEPENDENT),
        ("1%", 0.01, 5, 150, INDEPENDENT),
        ("5%", 0.01, 2, 150, {}),
        ("5%", 0.001, 5, 150, {}),
        ("1%", 0.01, 5, 150, {}),
    ],
)
def test_plan_estimates_the_delay(share: str, base: float, times: float, number: int, stated: dict[str, Any]) -> None:
    """`sluicegate plan` is right about errors within a factor of 1.5, or one pane; with clusters stated, or not."""
    rollout = policy(share, checks={"errors": ERRORS | {"ratio": 1.25}}, **stated)
    change = {"at": "0s", "candidate": {"error_ratio": times}}
    found = runs(rollout, number, 33, rps=RPS, error_rate=base, duration="20m", changes=[change])
    planned, delay = plan(rollout, RPS, base)[0].checks[0].detect[times], median_delay_s(found)
    LOG.info("share %s, base %g, x%g, %s: %g s, planned %.1f s", share, base, times, stated, delay, planned)
    assert delay < inf
    assert planned / 1.5 - PANE_S <= delay <= planned * 1.5 + PANE_S


@pytest.mark.parametrize(("share", "ratio", "number"), [("1%", 1.1, 200), ("5%", 1.1, 200), ("5%", 1.25, 200)])
def test_plan_estimates_the_delay_for_latency(share: str, ratio: float, number: int) -> None:
    """The same for a candidate that takes half as long again, compared by p95; a pane more for the first threshold."""
    rollout = policy(share, checks={"p95": LATENCY | {"ratio": ratio}})
    change = {"at": "0s", "candidate": {"latency_factor": 1.5}}
    found = runs(rollout, number, 34, rps=RPS, duration="10m", changes=[change])
    planned, delay = plan(rollout, RPS, 0.01)[0].checks[0].detect[1.5], median_delay_s(found)
    LOG.info("share %s, p95 at ratio %g, 1.5 times as slow: %g s, planned %.1f s", share, ratio, delay, planned)
    assert planned / 1.5 - PANE_S <= delay <= planned * 1.5 + 2 * PANE_S
