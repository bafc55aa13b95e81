"""The prototype in columns has the evidence that the gate's own statistics have, rollout by rollout."""

import numpy as np
import pytest

from benchmarks.columns import BASELINE, CANDIDATE, LATENCY_RATIO, QUANTILES, RATIO, Columns, Panes, drawn
from gates.stats.error_share import ErrorShare
from gates.stats.exceedance import Exceedance, at_or_above, scaled_down, scaled_up, threshold
from gates.stats.histogram import BUCKETS, Histogram, RunningHistogram
from gates.stats.pane_counts import PaneCounts

ROLLOUTS, SECONDS, BLOCKS = 5, 70, 3


def histogram(panes: Panes, rollout: int, cohort: int) -> Histogram:
    """The latencies of one rollout and cohort in a pane."""
    mine = (panes.rollouts == rollout) & (panes.cohorts == cohort)
    return Histogram.from_dense(np.bincount(panes.buckets[mine], minlength=BUCKETS))


def test_columns_hold_what_the_gate_holds() -> None:
    """Every e-value of every rollout, on every pane."""
    columns, rng = Columns(ROLLOUTS, BLOCKS), np.random.default_rng(7)
    shares = [(ErrorShare.regression(RATIO, BLOCKS), ErrorShare.advance(RATIO)) for _ in range(ROLLOUTS)]
    slow = [[(Exceedance.regression(q, BLOCKS), Exceedance.advance(q)) for q in QUANTILES] for _ in range(ROLLOUTS)]
    trailing, seen = [RunningHistogram() for _ in range(ROLLOUTS)], []
    for _ in range(SECONDS):
        panes = drawn(rng, ROLLOUTS)
        found = columns.judge(panes)["values"]
        seen.append(panes)
        for rollout in range(ROLLOUTS):
            (c, b), (e_c, e_b) = panes.requests[rollout].tolist(), panes.errors[rollout].tolist()
            mine = [histogram(panes, rollout, cohort) for cohort in (CANDIDATE, BASELINE)]
            for process in shares[rollout]:
                process.update(PaneCounts(e_c, e_b, c, b))
            for quantile, pair in zip(QUANTILES, slow[rollout], strict=True):
                at = threshold(trailing[rollout], quantile)
                for exceedance, scaled in zip(pair, (scaled_up, scaled_down), strict=True):
                    edge = BUCKETS if at is None else scaled(at, LATENCY_RATIO) if at < BUCKETS else BUCKETS
                    counts = PaneCounts(at_or_above(mine[0], edge), at_or_above(mine[1], at or 0), c, b)
                    exceedance.update(PaneCounts(0, 0, 0, 0) if at is None else counts)
            trailing[rollout].add(mine[1])
            if len(seen) > 60:
                trailing[rollout].remove(histogram(seen[-61], rollout, BASELINE))
        expected = [[process.get() for rollout in shares for process in rollout]]
        expected += [[process.get() for rollout in slow for process in rollout[at]] for at in range(len(QUANTILES))]
        for (worse, better), wanted in zip(found, expected, strict=True):
            assert np.stack((worse, better), axis=1).ravel().tolist() == pytest.approx(wanted, rel=1e-9)
