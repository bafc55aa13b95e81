"""The results of ingest as a picture: events a second and core, on a logarithmic scale."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.ingest.lineup import COLD, SLUICEGATE
from benchmarks.ingest.ratios import PER_CORE
from benchmarks.measure import Row
from benchmarks.table import number


def save_plot(rows: Sequence[Row], path: Path) -> None:
    """Write the picture as SVG; the same rows give the same bytes."""
    with mpl.rc_context({"svg.hashsalt": "ingest", "font.size": 9}):
        _figure([row for row in rows if row.unit == PER_CORE and COLD not in row.what]).savefig(
            path, format="svg", metadata={"Date": None}
        )


def _figure(rows: Sequence[Row]) -> Figure:
    cases = list(dict.fromkeys(row.case for row in rows))
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    panels = figure.subplots(1, len(cases), sharey=True, sharex=True, squeeze=False)[0]
    for axes, case in zip(panels, cases, strict=True):
        known = [row for row in rows if row.case == case][::-1]
        medians = [row.median for row in known]
        spread = [[row.median - row.low for row in known], [row.high - row.median for row in known]]
        colors = ["black" if row.what == SLUICEGATE else "tab:blue" for row in known]
        bars = axes.barh([row.what for row in known], medians, xerr=spread, color=colors, error_kw={"elinewidth": 0.6})
        axes.bar_label(bars, [number(median) for median in medians], padding=4, fontsize=7)
        axes.set_xscale("log")
        axes.set_xlim(500, 50_000_000)
        axes.grid(axis="x", linewidth=0.3)
        axes.set_title(case, fontsize=9)
        axes.set_xlabel("events a second and core")
    return figure
