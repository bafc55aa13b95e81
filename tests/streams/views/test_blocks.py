"""Blocks in words: what made an e-value, when the next look comes, what limits the evidence."""

from __future__ import annotations

import re
from math import prod
from typing import Any

import pytest

from streams.views.blocks import block_lines, long_blocks, look_lines, next_looks
from tests.streams.views import stories

COHORTS = {"candidate": "canary", "baseline": "stable"}
GROWTH = {
    "start": 1767225720000,
    "end": 1767225723000,
    "by": "bad events",
    "candidate": {"bad": 12, "events": 150},
    "baseline": {"bad": 3, "events": 2850},
    "factor": 8.31234,
}
BLOCKS = {"number": 14, "largest": [GROWTH], "others": 0.5, "e_value": 4.15617, "agreement": None}
STATE = {"left_ms": 3_000, "length_ms": 31_000, "rho_s": 12.04, "phi": 1.2, "stated": False, "settled": True}


def lines(unit: str = "share", **changes: Any) -> list[str]:
    """The lines of these blocks."""
    return list(block_lines({"unit": unit, "blocks": BLOCKS | changes}, COHORTS))


def looks(unit: str = "share", weight: float = 0.1, **changes: Any) -> list[str]:
    """The lines about the next look."""
    check, stages = {"name": "errors", "unit": unit}, [{"weight": weight}]
    blocks = {"errors": STATE | changes}
    return list(look_lines({"cohorts": COHORTS, "stages": stages, "stage_index": 0, "blocks": blocks}, check))


def test_a_block_has_its_time_its_counts_and_its_factor() -> None:
    """And one sentence explains what a factor is."""
    assert lines() == [
        "14 blocks with errors; what raised the e-value most:",
        "2026-01-01 00:02:00Z to 00:02:03Z canary 8% (12 of 150), stable 0.11% (3 of 2,850): times 8.31",
        "all others together: times 0.5",
        "A factor is the e-value after the block divided by that before it: together they give 4.16, and equal counts "
        "weigh more after others like them.",
    ]


def test_what_is_bad_depends_on_the_check() -> None:
    """Slow requests, or shares of a mean's ceiling; of the candidate alone there is no baseline."""
    assert lines("ms")[0].startswith("14 blocks with slow requests; ")
    share = GROWTH | {"candidate": {"bad": 12.3456, "events": 150}, "baseline": {"bad": 0, "events": 0}}
    found = lines("number", largest=[share], number=1, others=1e-9)
    assert found[0].startswith("1 block with bad values; ")
    assert found[1].endswith("canary 8.2% (12.3456 of 150): times 8.31")
    assert found[2] == "all others together: times less than 0.001"


def test_lost_successes_are_named() -> None:
    """They decide by themselves, before the block ends."""
    assert " to 00:02:03Z lost successes, canary 8% " in lines(largest=[GROWTH | {"by": "lost successes"}])[1]


def test_nothing_raised_it() -> None:
    """Other checks did, together with which it rolls back."""
    assert lines(largest=[]) == ["14 blocks with errors, none of which raised the e-value"]


def test_earlier_decisions_have_no_blocks() -> None:
    """Nor do statuses, and those of a rollout that has ended have no next look."""
    assert list(block_lines({"unit": "share"}, COHORTS)) == []
    assert next_looks({}) == next_looks({"blocks": {}}) == ""
    assert list(look_lines({}, {"name": "errors"})) == []
    assert list(long_blocks({"checks": [{"name": "errors"}]})) == []


def test_the_part_that_limits_is_named() -> None:
    """With what it reaches and needs, and what the evidence were without it; names cannot control the terminal."""
    agreement = {"part": "user 1 of 2", "e_value": 1.2, "needed": 3.0, "without": 820.0}
    words = "Limited by one half of the users (1 of 2), which reaches 1.2 and needs 3; else 820."
    assert lines(agreement=agreement)[-1] == words
    assert looks(agreement=agreement)[-1] == words
    assert "\x1b" not in looks(agreement=agreement | {"part": "\x1b[2J"})[-1]


def test_the_next_look_says_why_a_block_is_so_long() -> None:
    """Measured, stated in the policy, or by the traffic alone."""
    assert looks() == ["in 3s: stable's errors hang together for about 12s, so all errors of 31s count as one witness"]
    assert looks(weight=1.0) == ["in 3s: errors hang together for about 12s, so all errors of 31s count as one witness"]
    assert looks(rho_s=1.4) == ["in 3s: all errors of 31s count as one witness"]
    assert looks("ms", rho_s=4.0, phi=4.0, stated=True) == [
        "in 3s: slow requests are stated to hang together for 4s (confidence.dispersion), so all slow requests of 31s "
        "count as one witness"
    ]


def test_blocks_of_a_real_status() -> None:
    """Errors that come in bursts."""
    status, _ = stories.in_bursts()
    assert re.fullmatch(r"errors in \d+s", next_looks(status))
    assert [line.split(" for about ")[0] for line in long_blocks(status)] == ["errors: stable's errors hang together"]


@pytest.mark.parametrize("story", [stories.failed_in_blocks, stories.failed_at_once])
def test_the_figures_of_a_decision_multiply_to_its_e_value(story: Any) -> None:
    """As a reader would check it."""
    (check,) = story()[1][-1]["checks"]
    blocks = check["blocks"]
    factors = [growth["factor"] for growth in blocks["largest"]]
    assert prod([blocks["others"], *factors]) == pytest.approx(check["e_value"], rel=1e-4)
    assert blocks["e_value"] == check["e_value"]
