"""What comparisons count in one pane."""

from __future__ import annotations

from typing import NamedTuple


class PaneCounts(NamedTuple):
    """Bad events and all events of candidate and baseline in one pane.

    Bad events are errors, or values at or above each cohort's threshold. One may count as a fraction, from 0 to 1,
    where a bounded quantity is compared: `a ** x` is convex in x, so at most `1 + x (a - 1)`, and that is all that the
    proofs of the e-factors need.
    """

    candidate_bad: float
    baseline_bad: float
    candidate_events: int
    baseline_events: int

    @property
    def compared(self) -> bool:
        """Whether both cohorts have events; a pane of one cohort is no evidence."""
        return self.candidate_events > 0 and self.baseline_events > 0

    def plus(self, other: PaneCounts) -> PaneCounts:
        """Both panes together."""
        return PaneCounts(
            self.candidate_bad + other.candidate_bad,
            self.baseline_bad + other.baseline_bad,
            self.candidate_events + other.candidate_events,
            self.baseline_events + other.baseline_events,
        )
