"""The plots of a report, as plain documents that plotly reads: nothing here imports plotly, which is optional."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gates.machine.transitions import Phase
from gates.panes import Cell, Pane
from gates.policy import Cohorts
from streams.offline.simulation.run import START_MS, SimulatedRun

Figure = dict[str, Any]

COLOURS = {
    Phase.PROMOTED: "#2e9e5b",
    Phase.BAKING: "#3f7fd9",
    Phase.HELD: "#e0a100",
    Phase.PAUSED: "#9b59b6",
    Phase.ROLLED_BACK: "#d64545",
}
ERRORS = ("5xx", "error")
MOST_POINTS = 180
MINUTE_MS = 60_000.0


@dataclass(slots=True)
class PaneRecorder:
    """Keeps the panes of a run: give its `append` to `simulate_run` as `on_pane`."""

    panes: list[Pane] = field(default_factory=list)

    def append(self, pane: Pane) -> None:
        """Keep the pane."""
        self.panes.append(pane)

    def error_rates(self, cohort: str) -> tuple[list[float], list[float | None]]:
        """Minutes since the start, and the error rate there; None where there was no request."""
        step = max(1, -(-len(self.panes) // MOST_POINTS))
        groups = [self.panes[first : first + step] for first in range(0, len(self.panes), step)]
        minutes = [(group[-1].end - START_MS) / MINUTE_MS for group in groups]
        return minutes, [_error_rate([pane.cell(cohort) for pane in group]) for group in groups]


def _error_rate(cells: Sequence[Cell]) -> float | None:
    requests = sum(cell.requests for cell in cells)
    return sum(cell.errors(ERRORS) for cell in cells) / requests if requests else None


def ends_figure(found: Mapping[str, Sequence[SimulatedRun]]) -> Figure:
    """How the runs of each scenario ended, as shares of them all."""
    names = list(found)
    bars = [
        {
            "type": "bar",
            "orientation": "h",
            "name": phase.value.replace("_", " "),
            "y": names,
            "x": [sum(run.end is phase for run in runs) / len(runs) for runs in found.values()],
            "marker": {"color": colour},
        }
        for phase, colour in COLOURS.items()
    ]
    layout = {
        "title": {"text": "How the runs ended"},
        "barmode": "stack",
        "xaxis": {"tickformat": ".0%", "range": [0, 1]},
        "yaxis": {"autorange": "reversed", "automargin": True},
        "height": 160 + 30 * len(names),
    }
    return {"data": bars, "layout": layout}


def delays_figure(found: Mapping[str, Sequence[SimulatedRun]]) -> Figure:
    """For each bad candidate, the share of runs rolled back, by time since it became bad."""
    lines = []
    for name, runs in found.items():
        known = sorted(run.delay_ms / MINUTE_MS for run in runs if run.delay_ms is not None)
        if known:
            shares = [count / len(runs) for count in range(len(known) + 1)]
            line = {"shape": "hv"}
            lines.append({"type": "scatter", "name": name, "x": [0.0, *known], "y": shares, "line": line})
    layout = {
        "title": {"text": "Rolled back, by time since the candidate became bad"},
        "xaxis": {"title": {"text": "minutes"}, "rangemode": "tozero"},
        "yaxis": {"tickformat": ".0%", "range": [0, 1.02]},
        "showlegend": True,
    }
    return {"data": lines, "layout": layout}


def timeline_figure(name: str, run: SimulatedRun, recorded: PaneRecorder, cohorts: Cohorts) -> Figure:
    """One run: the candidate's weight as decided, and the error rates of both cohorts."""
    end = recorded.panes[-1].end - START_MS if recorded.panes else 0
    times = [*(decision.at_ms for decision in run.actions), end]
    weights = [decision.weight for decision in run.actions]
    weight = {
        "type": "scatter",
        "name": "weight",
        "x": [at_ms / MINUTE_MS for at_ms in times],
        "y": [*weights, weights[-1]],
        "text": [*(f"{decision.action.value}: {decision.reason}" for decision in run.actions), "end"],
        "line": {"shape": "hv", "color": "#888888"},
        "fill": "tozeroy",
    }
    lines = []
    for cohort, colour in ((cohorts.baseline, COLOURS[Phase.BAKING]), (cohorts.candidate, COLOURS[Phase.ROLLED_BACK])):
        minutes, rates = recorded.error_rates(cohort)
        lines.append(
            {"type": "scatter", "name": cohort, "x": minutes, "y": rates, "yaxis": "y2", "line": {"color": colour}}
        )
    layout = {
        "title": {"text": f"{name}: run {run.number} as an example"},
        "xaxis": {"title": {"text": "minutes"}},
        "yaxis": {"title": {"text": "weight"}, "tickformat": ".0%", "domain": [0.0, 0.35], "rangemode": "tozero"},
        "yaxis2": {"title": {"text": "errors"}, "tickformat": ".1%", "domain": [0.42, 1.0], "rangemode": "tozero"},
    }
    return {"data": [weight, *lines], "layout": layout}
