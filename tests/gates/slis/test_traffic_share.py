"""Throughput share: off by more than chance, and its lints."""

from __future__ import annotations

import numpy as np
import pytest

from gates.advice.lint import lint
from gates.verdicts import VerdictKind
from tests.gates.good_policy import Document, changed
from tests.gates.pane_builders import cell
from tests.gates.slis.watched import Watched


@pytest.mark.parametrize("weight", ["1%", "10%", "50%"])
def test_a_throughput_share_is_not_failed_by_chance(weight: str) -> None:
    """As ordered, but for chance: no look of some hundreds FAILs, even where the candidate gets two requests a look."""
    rng, share = np.random.default_rng(9), float(weight[:-1]) / 100
    hand = Watched(weight, sli="throughput_share", tolerance="30%", window="5s")
    for _ in range(400):
        mine = int(rng.binomial(60, share))
        assert hand.second(cell(mine), cell(60 - mine)).kind is not VerdictKind.FAIL


def test_a_throughput_share_far_off_fails() -> None:
    """Half of what was ordered: FAIL, and at 100% there is nothing to share."""
    hand = Watched("50%", sli="throughput_share", tolerance="30%", window="5s")
    for _ in range(5):
        verdict = hand.second(cell(50), cell(150))
    assert verdict.kind is VerdictKind.FAIL
    whole = Watched("100%", sli="throughput_share", window="5s")
    assert whole.second(None, None).kind is VerdictKind.NO_DATA
    assert whole.second(cell(1), None).kind is VerdictKind.PASS


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        (
            {"checks.t": {"sli": "throughput_share", "tolerance": "100%"}},
            "checks.t.tolerance",
            "a candidate that gets no requests",
        ),
        (
            {"checks.t": {"sli": "throughput_share", "tolerance": "2%"}},
            "checks.t.tolerance",
            "2% of the weight is less than what routers are off that split by user",
        ),
    ],
)
def test_what_is_odd_is_remarked(changes: Document, path: str, words: str) -> None:
    """At the key, with why it matters."""
    found = {remark.path: remark.message for remark in lint(changed(changes))}
    assert words in found[path]


@pytest.mark.parametrize(
    ("changes", "rps", "path", "words"),
    [
        ({"checks.t": {"sli": "throughput_share"}}, 2.0, "checks.t.window", "at 2 requests/s, a 1m window has 120"),
        (
            {"checks.t": {"sli": "throughput_share", "window": "5s"}, "min_requests": 20},
            40.0,
            "checks.t.window",
            "cannot fail for too few requests in stage tenth: at 40 requests/s, a 5s window has 200 requests",
        ),
    ],
)
def test_what_traffic_is_too_little_for_is_remarked(changes: Document, rps: float, path: str, words: str) -> None:
    """Only where the traffic is given."""
    policy = changed(changes)
    assert lint(policy) == ()
    assert words in " ".join(remark.message for remark in lint(policy, rps) if remark.path == path)


def test_with_enough_traffic_the_window_is_long_enough() -> None:
    """At a tenth, some 225 requests; at 100% there is no share."""
    policy = changed({"checks.t": {"sli": "throughput_share", "window": "5s"}, "min_requests": 20})
    assert [remark for remark in lint(policy, 46.0) if remark.path == "checks.t.window"] == []
