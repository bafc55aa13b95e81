"""The delays of one comparison: by blocks, or by single events where the policy or the rules ask for them."""

from __future__ import annotations

from math import inf, log
from typing import Any

import pytest

from gates.advice.detection import NEVER, BlockDetection, EventDetection
from gates.rules import CURRENT, RULES
from gates.slis.definition import ComparedFigure
from gates.stats.power import Traffic
from tests.gates.pane_builders import policy

STAGE = [{"name": "tenth", "weight": "10%", "bake": "10m"}]
RATE: dict[str, Any] = {"sli": "error_rate", "ratio": 1.25}
P95: dict[str, Any] = {"sli": "latency", "quantile": 0.95, "ratio": 1.25}
AT_1000 = Traffic(1_000.0, 0.1)


def parts(fields: dict[str, Any], **confidence: float) -> tuple[Any, ComparedFigure]:
    """The policy with this check alone, and how the check compares."""
    known = policy({"it": fields}, stages=STAGE, confidence=confidence)
    compared = known.checks["it"].compared
    assert compared is not None
    return known, compared


def blocks(fields: dict[str, Any], base: float = 0.01, **confidence: float) -> BlockDetection:
    """Delays in blocks at 1,000 requests a second, of a new rollout."""
    return BlockDetection(*parts(fields, **confidence), AT_1000, base, new=True)


@pytest.mark.parametrize("fields", [RATE, P95])
def test_what_is_tolerated_is_never_detected(fields: dict[str, Any]) -> None:
    """In blocks and by single events; slightly more takes long, much more does not."""
    known, compared = parts(fields)
    events = EventDetection(known, compared, AT_1000, 0.01, new=True, rules=RULES[CURRENT])
    for each in (blocks(fields), events):
        assert each.delay(1.2, 100.0).median == inf
        assert each.delay(2.0, 100.0).median > each.delay(4.0, 100.0).median > 0.0
    assert blocks(fields).delay(1.25, 100.0) == NEVER


def test_all_requests_failing_is_found_in_two_seconds() -> None:
    """By the lost successes; no latency has such a row."""
    assert blocks(RATE).delay(100.0, 100.0) == (2.0, 2.0)
    assert blocks(P95).delay(1e6, 100.0).median > 2.0


@pytest.mark.parametrize(
    ("ratio", "times", "simulated"), [(1.1, 1.5, 15), (1.1, 3.0, 7), (1.25, 1.5, 23), (1.25, 3.0, 7)]
)
def test_latencies_as_they_were_simulated(ratio: float, times: float, simulated: float) -> None:
    """The p95 of 50 and 500 requests a second: medians of 300 runs, to a factor of two (their tail is another one)."""
    known, compared = parts(P95 | {"ratio": ratio})
    found = BlockDetection(known, compared, Traffic(550.0, 50.0 / 550.0), 0.0, new=True)
    assert simulated / 2.0 <= found.delay(times, 100.0).median <= simulated * 2.0


def test_the_margin_of_the_check_counts_for_an_advance() -> None:
    """A wider one is passed sooner; before the key it was 0.5 points for all."""
    nats = log(20.0)
    assert blocks(RATE | {"margin": "2%"}).passing(nats, None) < blocks(RATE).passing(nats, None)
    assert blocks(RATE, 0.0002).passing(nats, None) > blocks(RATE | {"margin": "0.5%"}, 0.0002).passing(nats, None)
    known, compared = parts(RATE)
    old, new = (
        EventDetection(known, compared, AT_1000, 0.0002, new=True, rules=RULES[rules]) for rules in (2, CURRENT)
    )
    assert old.passing(nats, None) < new.passing(nats, None)


def test_a_latency_without_a_tolerance_is_never_shown_to_be_good() -> None:
    """At ratio 1 a candidate like the baseline is on the boundary."""
    assert blocks(P95 | {"ratio": 1}).passing(3.0, None) == inf
    assert 0.0 < blocks(P95).passing(3.0, None) < inf


def test_a_stated_dispersion_makes_longer_blocks() -> None:
    """And it divides the evidence for an advance."""
    plain, stated = blocks(RATE), blocks(RATE, dispersion=8.0)
    assert stated.delay(2.0, 100.0).median > plain.delay(2.0, 100.0).median
    assert blocks(RATE, dispersion=80.0).passing(3.0, None) > 9.0 * stated.passing(3.0, None)
