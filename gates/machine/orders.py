"""The newest order of a rollout: what was ordered, what each actuator reported, and whether it is confirmed.

"Confirmed" is a statement about the newest order only: an ack of an older one never makes a newer one look done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gates.documents.readers import MOST_ACTUATORS
from gates.text import weights_text

WEIGHT_TOLERANCE = 1.0
"""Percentage points by which the observed weight may miss the order, for actuators that split in coarse steps."""

NOBODY_REPORTED = "no actuator has reported"


def as_ordered(wanted: float, observed: float | None, before: float | None) -> bool:
    """Whether the candidate's observed weight is the one ordered, within the tolerance; zero only if zero was ordered.

    Zero has no tolerance: one per cent left after a rollback is still traffic on a bad candidate. Where a step is
    within the tolerance, weights that are as near to those in force `before` show that nothing was done.

    >>> as_ordered(10, 9.5, None), as_ordered(0, 0.5, 10), as_ordered(1, 0.5, 0.5)
    (True, False, False)
    """
    if observed is None or not abs(observed - wanted) <= WEIGHT_TOLERANCE or (observed == 0) != (wanted == 0):
        return False
    return before is None or before == wanted or abs(observed - wanted) < abs(observed - before)


@dataclass(frozen=True, slots=True)
class ActuatorReport:
    """The newest report of one actuator on an order; `at` is the actuator's wall clock in milliseconds.

    `confirms` is true if the actuator applied the order and observed the ordered weights.
    """

    actuator: str
    status: str
    reason: str
    weights: Mapping[str, int | float]
    at: int
    confirms: bool

    @property
    def problem(self) -> str:
        """Why the report does not confirm the order, after the actuator's name; "" if it does."""
        if self.confirms:
            return ""
        if self.status == "applied":
            return f"{self.actuator} observes other weights ({weights_text(self.weights)})"
        return f"{self.actuator} {self.status}: {self.reason or 'no reason given'}"


@dataclass(frozen=True, slots=True)
class Order:
    """An order to change the weights; `needed` names the actuators that must confirm it, empty: any one of them."""

    sequence: int
    weights: Mapping[str, int | float]
    needed: tuple[str, ...]
    reports: Mapping[str, ActuatorReport] = field(default_factory=dict)
    confirmed: bool = False
    """Once true it stays true: a later report of trouble is shown beside it, and does not take back what was done."""

    def add(self, report: ActuatorReport) -> Order:
        """The order with one more report; whoever may write acks chooses the names, so their number is bounded.

        A new one takes the place of the oldest that confirms nothing and is not needed: an actuator that takes a new
        name at each restart may fail many times before it succeeds.
        """
        known = dict(self.reports)
        if report.actuator not in self.needed and report.actuator not in known and len(known) >= MOST_ACTUATORS:
            idle = (name for name, each in known.items() if name not in self.needed and not each.confirms)
            oldest = next(idle, None)
            if oldest is None:
                return self
            del known[oldest]
        reports = {**known, report.actuator: report}
        confirmed_by = {name for name, each in reports.items() if each.confirms}
        confirmed = confirmed_by.issuperset(self.needed) if self.needed else bool(confirmed_by)
        return replace(self, reports=reports, confirmed=self.confirmed or confirmed)

    @property
    def confirmed_by(self) -> list[str]:
        """The actuators that confirmed it."""
        return [name for name, report in self.reports.items() if report.confirms]

    @property
    def waiting_for(self) -> list[str]:
        """The actuators whose confirmation is needed and missing; none is named where any one suffices."""
        return [name for name in self.needed if name not in self.reports or not self.reports[name].confirms]

    @property
    def problems(self) -> list[str]:
        """What actuators reported instead of a confirmation, and which needed ones have not reported, one text each."""
        reported = [report.problem for report in self.reports.values() if not report.confirms]
        return [*reported, *(f"{name} has not reported" for name in self.waiting_for if name not in self.reports)]

    def open_text(self) -> str:
        """Why it is not confirmed."""
        return "; ".join(self.problems) or NOBODY_REPORTED


@dataclass(frozen=True, slots=True)
class InForce:
    """The weights that were last confirmed, by whom and when (wall clock of the last report, in milliseconds)."""

    weights: Mapping[str, int | float]
    actuators: tuple[str, ...]
    at: int
