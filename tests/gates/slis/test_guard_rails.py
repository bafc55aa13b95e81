"""The checks that look at windows alone, and what a limit means at its edges."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.evidence.evaluation import RolloutEvidence
from gates.panes import Cell
from gates.slis.limit import Guard
from gates.verdicts import Verdict, VerdictKind
from tests.gates.pane_builders import T0, cell, pane, policy

STAGE = [{"name": "half", "weight": "50%", "bake": "10s"}]


class Watched:
    """One check under a confirmed stage, fed second by second."""

    def __init__(self, weight: str = "50%", **definition: Any) -> None:
        stages = [{"name": "only", "weight": weight, "bake": "10s"}]
        self.evidence = RolloutEvidence(policy({"it": definition}, stages=stages, **_budget(definition)), T0)
        self.evidence.confirm_stage(T0)
        self.now = 0

    def second(self, candidate: Cell | None, baseline: Cell | None, **more: Any) -> Verdict:
        """The verdict after one more pane."""
        found = self.evidence.observe(pane(self.now, candidate, baseline, **more))
        self.now += 1
        return found.verdicts[-1]


def _budget(definition: dict[str, Any]) -> dict[str, Any]:
    return {"budget": definition.pop("budget")} if "budget" in definition else {}


counts = st.tuples(st.integers(0, 500), st.integers(1, 500)).map(lambda drawn: (min(drawn), drawn[1]))


@given(counts, counts, st.sampled_from([0.05, 0.2, 0.5]))
def test_alike_needs_a_baseline_that_is_bad_itself(
    candidate: tuple[int, int], baseline: tuple[int, int], share: float
) -> None:
    """A baseline that is well within the limit, or hardly there, never excuses a candidate; one that is worse does."""
    guard = Guard(share, 20)
    found = guard.alike(candidate, baseline)
    if baseline[0] < 20 or baseline[0] / baseline[1] <= share / 2:
        assert not found
    elif baseline[0] / baseline[1] >= candidate[0] / candidate[1]:
        assert found


def test_a_shared_rise_is_seen_as_one_whoever_is_first() -> None:
    """Both cohorts' errors rise together: whichever crosses the limit first, the baseline is told with it."""
    rng = np.random.default_rng(8)
    first = 0
    for _ in range(60):
        hand = Watched(sli="error_rate", limit="20%", window="10s")
        for _ in range(10):
            hand.second(cell(100), cell(100))
        for _ in range(10):
            verdict = hand.second(*(cell(100, int(rng.binomial(100, 0.4))) for _ in range(2)))
            if verdict.kind is VerdictKind.FAIL:
                assert verdict.baseline_beyond
                first += 1
                break
            if verdict.baseline_beyond:
                break
    assert 15 < first < 50  # the candidate was the first about half of the time


def test_a_mean_at_the_limit_is_within() -> None:
    """Values are kept to two digits; one that is exactly the limit must not be taken for more, or for less."""
    for better, outside in (("lower", 1.05), ("higher", 0.95)):
        for limit in (1, 3, 250, 7.7):
            fields = {"sli": "metric", "metric": "m", "limit": limit, "better": better, "window": "5s"}
            hand, other = Watched(**fields), Watched(**fields)
            for _ in range(5):
                same = [hand.second(*(cell(20, metrics={"m": [float(limit)] * 20}),) * 2)]
                worse = other.second(cell(20, metrics={"m": [limit * outside] * 20}), cell(20, metrics={"m": [0.0]}))
            assert same[-1].kind is VerdictKind.PASS, same[-1].reason
            assert worse.kind is VerdictKind.FAIL


def test_coverage_waits_for_a_whole_window() -> None:
    """Emitters that have not had the time to report are not missing; later they are."""
    hand = Watched(sli="coverage", expected=3, window="5s")
    found = [hand.second(cell(10, emitters=(1,)), cell(10, emitters=(2,))).kind for _ in range(8)]
    assert found == [VerdictKind.INCONCLUSIVE] * 4 + [VerdictKind.FAIL] * 4
    assert hand.second(cell(10, emitters=(1, 3)), cell(10, emitters=(2,))).kind is VerdictKind.PASS


def test_a_heartbeat_covers_and_is_no_request() -> None:
    """Emitters without requests are there by their word."""
    hand = Watched(sli="coverage", expected=2, window="5s")
    for _ in range(6):
        verdict = hand.second(cell(0, emitters=(1,)), cell(10, emitters=(2,)))
    assert verdict.kind is VerdictKind.PASS
    assert verdict.candidate.requests == 0


@pytest.mark.parametrize("weight", ["1%", "10%", "50%"])
def test_a_throughput_share_is_not_failed_by_chance(weight: str) -> None:
    """As ordered, but for chance: no look of some hundreds FAILs, even where the candidate gets two requests a look."""
    rng, share = np.random.default_rng(9), float(weight[:-1]) / 100
    hand = Watched(weight, sli="throughput_share", tolerance="30%", window="5s")
    for _ in range(400):
        mine = int(rng.binomial(60, share))
        assert hand.second(cell(mine), cell(60 - mine)).kind is not VerdictKind.FAIL


def test_a_throughput_share_far_off_is_told() -> None:
    """Half of what was ordered: FAIL, and at 100 % there is nothing to share."""
    hand = Watched("50%", sli="throughput_share", tolerance="30%", window="5s")
    for _ in range(5):
        verdict = hand.second(cell(50), cell(150))
    assert verdict.kind is VerdictKind.FAIL
    whole = Watched("100%", sli="throughput_share", window="5s")
    assert whole.second(None, None).kind is VerdictKind.NO_DATA
    assert whole.second(cell(1), None).kind is VerdictKind.PASS


def test_a_burn_rate_needs_both_windows() -> None:
    """An hour's worth of budget in a second burns; once the short window is clean it no longer does."""
    hand = Watched(sli="burn_rate", slo="99%", window="12s", spend="0.01%", min_events=5)
    for _ in range(12):
        hand.second(cell(50), cell(50))
    assert hand.second(cell(400, 390), cell(50)).kind is VerdictKind.FAIL
    assert hand.second(cell(50), cell(50)).kind is not VerdictKind.FAIL


def test_a_budget_once_spent_stays_spent() -> None:
    """What the rollout used up is gone, in every later stage too; under `min_events` errors nothing is."""
    hand = Watched(sli="error_rate", limit="95%", budget={"slo": "99.9%", "spend": "0.01%", "min_events": 30})
    assert hand.second(cell(50, 29), cell(50)).kind is VerdictKind.PASS
    assert hand.second(cell(50, 1), cell(50)).kind is VerdictKind.FAIL
    hand.evidence.enter_stage(0, T0 + 2_000)
    assert hand.second(cell(50), cell(50)).kind is VerdictKind.FAIL


@pytest.mark.parametrize("sli", ["coverage", "throughput_share", "burn_rate", "error_rate"])
def test_broken_telemetry_is_an_error(sli: str) -> None:
    """Nobody reports: no check passes on what it knew."""
    fields: dict[str, Any] = {
        "coverage": {"expected": 2},
        "throughput_share": {},
        "burn_rate": {"slo": "99.9%", "window": "1m", "spend": "0.1%"},
        "error_rate": {"limit": "5%"},
    }[sli]
    hand = Watched(sli=sli, **fields)
    for _ in range(5):
        hand.second(cell(2), cell(2))
    assert hand.second(None, None, broken=True).kind is VerdictKind.ERROR
