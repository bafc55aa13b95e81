"""Without enough data nothing passes, and without telemetry everything is an ERROR."""

from __future__ import annotations

from typing import Any

import pytest

from gates.panes import CLASSES, Cell
from gates.rules import FIRST
from gates.stats.histogram import Histogram
from gates.verdicts import VerdictKind
from tests.gates.pane_builders import cell
from tests.gates.slis.watched import Watched


@pytest.mark.parametrize("sli", ["coverage", "throughput_share", "burn_rate", "error_rate"])
def test_broken_telemetry_is_an_error(sli: str) -> None:
    """Nobody reports: no check passes on what it knew."""
    known: dict[str, dict[str, Any]] = {
        "coverage": {"expected": 2},
        "throughput_share": {},
        "burn_rate": {"slo": "99.9%", "window": "1m", "spend": "0.1%"},
        "error_rate": {"limit": "5%"},
    }
    hand = Watched(sli=sli, **known[sli])
    for _ in range(5):
        hand.second(cell(2), cell(2))
    assert hand.second(None, None, broken=True).kind is VerdictKind.ERROR


def test_what_is_missing_is_part_of_the_reason() -> None:
    """Which cohort has no requests, or how many it has and needs."""
    hand = Watched(sli="error_rate", limit="50%", ratio=1.25, window="5s")
    assert hand.second(cell(5), None).reason == "it: stable has no requests in the window"
    assert hand.second(cell(5), cell(50)).reason == "it: canary has 10 requests, needs 20"


LATENCY: dict[str, Any] = {"sli": "latency", "quantile": 0.95, "window": "5s"}
LIMITED, BOTH = LATENCY | {"limit": "800ms"}, LATENCY | {"limit": "800ms", "ratio": 1.2}


def lacking(without: int, failed: int = 0, *, latency_ms: float = 10.0) -> Cell:
    """1,000 requests of which some failed and some have no latency."""
    counts = dict.fromkeys(CLASSES, 0) | {"2xx": 1_000 - failed, "5xx": failed}
    return Cell(tuple(counts.values()), Histogram.of([latency_ms] * (1_000 - without)))


NEEDED = "at least half need one, unless all without one failed"
CANARY = f"it: canary: 900 of 1,000 requests have no latency; {NEEDED}"
STABLE = f"it: stable: 501 of 1,000 requests have no latency; {NEEDED}"


@pytest.mark.parametrize(
    ("definition", "candidate", "baseline", "reason"),
    [
        (LIMITED, lacking(900), lacking(0), CANARY),
        (LIMITED, lacking(900, 899), lacking(0), CANARY),
        (BOTH, lacking(900), lacking(0), CANARY),
        (BOTH, lacking(0), lacking(501), STABLE),
        (
            BOTH,
            lacking(900),
            lacking(501),
            CANARY.replace("; at", "; stable: 501 of 1,000 requests have no latency; at"),
        ),
    ],
)
def test_most_requests_of_a_cohort_have_no_latency(
    definition: dict[str, Any], candidate: Cell, baseline: Cell, reason: str
) -> None:
    """The quantile of the few does not pass for that of all: each needed cohort is named, with its numbers."""
    found = Watched(**definition).second(candidate, baseline)
    assert (found.kind, found.reason) == (VerdictKind.INCONCLUSIVE, reason)


@pytest.mark.parametrize(
    ("candidate", "baseline"),
    [(lacking(500), lacking(0)), (lacking(900, 900), lacking(0)), (lacking(0), lacking(900))],
)
def test_half_of_the_latencies_are_enough(candidate: Cell, baseline: Cell) -> None:
    """Failures may lack theirs, and a limit alone does not ask the baseline."""
    assert Watched(**LIMITED).second(candidate, baseline).kind is VerdictKind.PASS


def test_a_limit_fails_on_the_few_latencies_that_are_there() -> None:
    """What is missing never hides a FAIL."""
    found = Watched(**LIMITED).second(lacking(900, latency_ms=900.0), lacking(0))
    assert found.kind is VerdictKind.FAIL


def test_the_first_rules_ask_for_no_half() -> None:
    """An epoch in an old journal folds to the decisions that were published."""
    hand = Watched(rules=FIRST, **LIMITED)
    assert hand.second(lacking(900), lacking(0)).kind is VerdictKind.PASS
