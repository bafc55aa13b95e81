"""The limit: what it means at its edges, and when a breach is shared."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gates.slis.limit import Guard
from gates.verdicts import VerdictKind
from tests.gates.pane_builders import cell
from tests.gates.slis.watched import Watched

counts = st.tuples(st.integers(0, 500), st.integers(1, 500)).map(lambda drawn: (min(drawn), drawn[1]))


@given(counts, counts, st.sampled_from([0.05, 0.2, 0.5]), st.sampled_from([None, 5]))
def test_alike_needs_a_baseline_that_is_bad_itself(
    candidate: tuple[int, int], baseline: tuple[int, int], share: float, least: int | None
) -> None:
    """A baseline that is well within the limit, or hardly there, never excuses a candidate; one that is worse does."""
    guard = Guard(share, 20)
    found = guard.alike(candidate, baseline, least)
    if baseline[0] < (least or 20) or baseline[0] / baseline[1] <= share / 2:
        assert not found
    elif baseline[0] / baseline[1] >= candidate[0] / candidate[1]:
        assert found


def test_a_shared_rise_is_seen_as_one_whoever_is_first() -> None:
    """Both cohorts' errors rise together: whichever crosses the limit first, the verdict names both."""
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
