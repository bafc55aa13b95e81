"""The sliding windows of both cohorts, one of each length that a check reads, by sample of the traffic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gates.comparison.quantiles import TRAILING_MS
from gates.evidence_view import CohortView, PaneUse
from gates.panes import CLASS_POSITION, NOTHING, Cell, Pane
from gates.policy import Policy
from gates.slis.definition import Definition, Sample, sample_of
from gates.windows import CohortWindow, dump_panes, load_panes

SPARE_WINDOW_MS = 60_000
"""The window of a sample of the traffic for which no definition has a window of its own."""

Look = tuple[Sample, tuple[int, ...]]
"""A sample of the traffic, and the lengths of the windows on it that a check reads, in milliseconds."""


@dataclass(frozen=True, slots=True)
class CohortState:
    """What a snapshot holds of a cohort: the panes of its longest window, and the starts of those that are fresh."""

    sample: Sample
    cohort: str
    end: int
    panes: dict[str, list[Any]]
    fresh: list[int]
    counted: list[Any]
    eligible: int


UNSUCCESSFUL = tuple(CLASS_POSITION[word] for word in ("4xx", "5xx", "error"))
"""The outcomes that are no sign of life, whatever a check counts as errors: a baseline that only fails is no target."""


@dataclass(slots=True)
class BaselineLife:
    """The last signs of life of the baseline, as ends of panes.

    `success_at`: a successful request, of users or probes; the start of the epoch counts as one. `heartbeat_at`: a
    heartbeat without any request, in this stage. At 100% it is the only sign, because the baseline gets no requests by
    order, so that an end of its requests shows nothing.
    """

    success_at: int
    heartbeat_at: int | None = None


@dataclass(frozen=True, slots=True)
class WindowsState:
    """What a snapshot holds of all windows."""

    cohorts: list[CohortState]
    trailing: list[tuple[Sample, int, dict[str, list[Any]]]]
    last_request: dict[str, int]
    baseline: BaselineLife | None = None


class CohortWindows:
    """One cohort in one sample of the traffic: users' requests, synthetic ones, or all.

    `counted` has the requests since the stage was ordered, without its warm-up. `eligible` is how many of them may
    support an advance: on complete panes, since the stage's weights were confirmed and after the warm-up. `fresh` is a
    second set of windows with only these panes.
    """

    def __init__(self, sample: Sample, cohort: str, lengths: Iterable[int]) -> None:
        self.sample: Sample = sample
        self.cohort = cohort
        self.by_length = {length: CohortWindow(length) for length in sorted(lengths)}
        self.longest = self.by_length[max(self.by_length)]
        self.fresh = {length: CohortWindow(length) for length in self.by_length}
        self.counted = NOTHING
        self.eligible = 0
        self.pick = sample_of(sample)

    def push(self, pane: Pane, seen: PaneUse) -> Cell:
        """Add the cohort's part of the next pane, and return it."""
        cell = self.pick(pane, self.cohort)
        fresh = cell if seen.eligible else NOTHING
        for length, window in self.by_length.items():
            window.push(pane.start, pane.end, cell)
            self.fresh[length].push(pane.start, pane.end, fresh)
        if cell.requests and not seen.warming:
            # No check reads the latencies of a whole stage.
            self.counted = self.counted.merge_without_latency(cell)
        if seen.eligible:
            self.eligible += cell.requests
        return cell

    def restart_stage(self) -> None:
        """A stage was ordered: its counts start at zero, and the windows go on."""
        self.counted, self.eligible = NOTHING, 0

    def restart_fresh(self) -> None:
        """The stage's weights are confirmed: what was counted before supports no advance."""
        self.fresh = {length: CohortWindow(length) for length in self.by_length}

    def view(self, lengths: tuple[int, ...]) -> CohortView:
        """What a check reads of the cohort; the last length is that of its shorter window, where it has two."""
        window, fresh, short = self.by_length[lengths[0]], self.fresh[lengths[0]], self.by_length[lengths[-1]]
        return CohortView(self.cohort, window, fresh, short, self.counted, self.eligible)

    def state(self) -> CohortState:
        """For a snapshot: only the panes of the longest window are kept, because the others end with the same panes."""
        longest = self.longest
        fresh = [start for start, _ in self.fresh[longest.length_ms].panes()]
        panes, counted = dump_panes(longest.panes()), self.counted.dump()
        return CohortState(self.sample, self.cohort, longest.end, panes, fresh, counted, self.eligible)

    def restore(self, state: CohortState) -> None:
        """Continue, bit for bit, from what `state` returned."""
        panes, starts = load_panes(state.panes), set(state.fresh)
        fresh = [pane for pane in panes if pane[0] in starts]
        for length, window in self.by_length.items():
            window.fill(panes, state.end)
            self.fresh[length].fill(fresh, state.end)
        self.counted, self.eligible = Cell.load(state.counted), state.eligible


class TrafficWindows:
    """The windows of both cohorts in all samples that some check reads, and when each cohort last had a request.

    `trailing` has the baseline's window of `TRAILING_MS` by sample, from which comparisons take their thresholds.
    """

    def __init__(self, policy: Policy, started_at: int) -> None:
        candidate, baseline = policy.cohorts.candidate, policy.cohorts.baseline
        lengths = _lengths(policy)
        self._cohorts = {
            (sample, name): CohortWindows(sample, name, lengths[sample])
            for sample in lengths
            for name in (candidate, baseline)
        }
        known = {sample: self._cohorts[sample, baseline].by_length for sample in lengths}
        shown = "real" if "real" in lengths else next(iter(lengths))
        self._longest = {name: self._cohorts[shown, name].longest for name in (candidate, baseline)}
        self._name = baseline
        self._own = {sample: CohortWindow(TRAILING_MS) for sample in known if TRAILING_MS not in known[sample]}
        self.trailing: Mapping[str, CohortWindow] = {
            sample: self._own.get(sample) or known[sample][TRAILING_MS] for sample in known
        }
        self.last_request = {candidate: started_at, baseline: started_at}
        self.baseline = BaselineLife(started_at)

    def push(self, pane: Pane, seen: PaneUse) -> None:
        """Add the next pane."""
        for (sample, cohort), windows in self._cohorts.items():
            cell = windows.push(pane, seen)
            if cell.requests:
                self.last_request[cohort] = pane.end
            if cohort == self._name and sample in self._own:
                self._own[sample].push(pane.start, pane.end, cell)
        # Both kinds of traffic, whatever the checks read, and without the methods of pane and cell: this runs on every
        # pane, and matters on the one before a rollback.
        for cells in (pane.cells, pane.synthetic):
            if (found := cells.get(self._name)) is not None:
                if found.requests > sum([found.counts[position] for position in UNSUCCESSFUL]):
                    self.baseline.success_at = pane.end
                elif not found.requests and found.detail.emitters:
                    self.baseline.heartbeat_at = pane.end

    def enter_stage(self) -> None:
        """A stage was ordered: its totals start at zero, and the windows go on."""
        self.baseline.heartbeat_at = None
        for windows in self._cohorts.values():
            windows.restart_stage()

    def confirm_stage(self) -> None:
        """The stage's weights are confirmed."""
        for windows in self._cohorts.values():
            windows.restart_fresh()

    def view(self, look: Look, cohort: str) -> CohortView:
        """What a check with this look reads of a cohort."""
        return self._cohorts[look[0], cohort].view(look[1])

    def main_windows(self, look: Look) -> dict[str, CohortWindow]:
        """What a check with this look shows intervals for: the first of its windows, by cohort."""
        return {cohort: self.view(look, cohort).window for cohort in self._longest}

    def eligible(self, cohort: str) -> int:
        """How many requests of a cohort may support an advance, of the sample that `longest` has."""
        return next(each.eligible for each in self._cohorts.values() if each.longest is self._longest[cohort])

    def look(self, definition: Definition) -> Look:
        """What a check reads: a check without a window of its own, the longest of its sample."""
        sample = definition.sample
        return sample, definition.windows() or (self._cohorts[sample, self._name].longest.length_ms,)

    def longest(self, cohort: str) -> CohortWindow:
        """The longest window of a cohort, of users' requests where a check reads them."""
        return self._longest[cohort]

    def state(self) -> WindowsState:
        """Everything, for a snapshot."""
        trailing = [(sample, window.end, dump_panes(window.panes())) for sample, window in self._own.items()]
        cohorts = [windows.state() for windows in self._cohorts.values()]
        return WindowsState(cohorts, trailing, self.last_request, self.baseline)

    def restore(self, state: WindowsState) -> None:
        """Continue, bit for bit, from what `state` returned."""
        for cohort in state.cohorts:
            self._cohorts[cohort.sample, cohort.cohort].restore(cohort)
        for sample, end, columns in state.trailing:
            self._own[sample].fill(load_panes(columns), end)
        self.last_request = state.last_request
        self.baseline = state.baseline or self.baseline


def _lengths(policy: Policy) -> dict[Sample, set[int]]:
    lengths: dict[Sample, set[int]] = {}
    for definition in policy.judged.values():
        lengths.setdefault(definition.sample, set()).update(definition.windows())
    return {sample: known or {SPARE_WINDOW_MS} for sample, known in lengths.items()}
