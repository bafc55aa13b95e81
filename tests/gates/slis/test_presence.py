"""Without enough data nothing passes, and without telemetry everything is an ERROR."""

from __future__ import annotations

from typing import Any

import pytest

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
