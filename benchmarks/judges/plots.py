"""The results as pictures: false rollbacks by traffic, and the delay of detection by effect."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.judges.lineup import LINEUP, OURS
from benchmarks.judges.summary import Line

PAIRS = ("tab:blue", "tab:orange", "tab:green", "tab:purple")
"""A colour for each family of judges; the second of a family is drawn dashed."""

NEVER_S = 5_400.0
"""Where a median that is not reached within the rollout is drawn."""

TICKS_S = {10.0: "10 s", 60.0: "1 min", 300.0: "5 min", 1_800.0: "30 min", NEVER_S: "never"}


def save_plots(lines: Sequence[Line], folder: Path) -> None:
    """Write both pictures as SVG; the same results give the same bytes."""
    with mpl.rc_context({"svg.hashsalt": "judges", "font.size": 9}):
        _save(_false_rollbacks(lines), folder / "judges-false-rollbacks.svg")
        _save(_delays(lines), folder / "judges-delays.svg")


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, format="svg", metadata={"Date": None})


def _false_rollbacks(lines: Sequence[Line]) -> Figure:
    figure, panels = _panels()
    for axes, rate in zip(panels, ("0.1%", "0.5%"), strict=True):
        for number, judge in enumerate(LINEUP):
            known = _of(lines, f"healthy at {rate}", judge)
            shares = [100 * line.share for line in known]
            errors = (
                [100 * (line.share - line.low) for line in known],
                [100 * (line.high - line.share) for line in known],
            )
            axes.errorbar(_places(known, number), shares, errors, capsize=2, elinewidth=0.6, **_style(number, judge))
        _name_cases(axes, _of(lines, f"healthy at {rate}", OURS))
        axes.set_title(f"healthy, {rate} errors")
        axes.set_xlabel("requests a second, 5 % of them the candidate's")
    panels[0].set_ylabel("falsely rolled back, %")
    panels[0].legend(fontsize=7, frameon=False, loc="upper right")
    return figure


def _delays(lines: Sequence[Line]) -> Figure:
    figure, panels = _panels()
    for axes, rate in zip(panels, ("0.1%", "0.5%"), strict=True):
        for number, judge in enumerate(LINEUP):
            known = _of(lines, f"worse than {rate}", judge)
            medians = [NEVER_S if line.median_s is None else line.median_s for line in known]
            axes.plot(_places(known, number), medians, **_style(number, judge))
        _name_cases(axes, _of(lines, f"worse than {rate}", OURS))
        axes.set_title(f"a worse candidate, baseline at {rate} errors")
        axes.set_xlabel("the candidate's errors, in times the baseline's")
        axes.set_yscale("log")
        axes.set_yticks(list(TICKS_S), list(TICKS_S.values()))
        axes.minorticks_off()
    panels[0].set_ylabel("median time to the rollback")
    panels[0].legend(fontsize=7, frameon=False, loc="lower left")
    return figure


def _panels() -> tuple[Figure, tuple[Axes, Axes]]:
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for axes in (left, right):
        axes.grid(axis="y", linewidth=0.3)
    return figure, (left, right)


def _of(lines: Sequence[Line], experiment: str, judge: str) -> list[Line]:
    return [line for line in lines if (line.experiment, line.judge) == (experiment, judge)]


def _places(known: Sequence[Line], number: int) -> list[float]:
    """Beside each other, where many judges do the same."""
    return [case + 0.05 * (number - len(LINEUP) / 2) for case in range(len(known))]


def _name_cases(axes: Axes, known: Sequence[Line]) -> None:
    axes.set_xticks(range(len(known)), [line.case for line in known])


def _style(number: int, judge: str) -> dict[str, Any]:
    if judge == OURS:
        return {"label": judge, "color": "black", "linewidth": 2.2, "marker": "o", "markersize": 5}
    line = "--" if number % 2 else "-"
    return {"label": judge, "color": PAIRS[number // 2], "linestyle": line, "linewidth": 1, "marker": "."}
