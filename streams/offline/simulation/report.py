"""The report on simulated rollouts: one HTML file without references, the JavaScript of the plots included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import plotly.io
import plotly.offline

from gates.policy import Policy
from streams.offline.simulation.figures import Figure, PaneRecorder, delays_figure, ends_figure, timeline_figure
from streams.offline.simulation.run import SimulatedRun, simulate_run
from streams.offline.simulation.scenario import Scenario

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { text-align: left; padding: .3rem 1.2rem .3rem 0; border-bottom: 1px solid #ddd; vertical-align: top; }
th { font-weight: 600; }
"""


def report(
    policy: Policy,
    scenarios: Mapping[str, Scenario],
    found: Mapping[str, Sequence[SimulatedRun]],
    heading: Sequence[str],
    rows: Sequence[Sequence[str]],
) -> str:
    """The HTML; `heading` and `rows` are the table of figures, and of each scenario run 0 is drawn."""
    figures = [ends_figure(found), delays_figure(found)]
    for name, scenario in scenarios.items():
        recorded = PaneRecorder()
        first = found[name][0]
        run = simulate_run(policy, scenario, first.seed, 0, recorded.append, first.rules)
        figures.append(timeline_figure(name, run, recorded, policy.cohorts))
    title = f"{policy.rollout}: simulated rollouts"
    return "\n".join(
        (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>',
            f"<style>{STYLE}</style><script>{plotly.offline.get_plotlyjs()}</script></head>",
            f"<body><h1>{escape(title)}</h1><p>Policy {escape(policy.hash)}</p>",
            f"<table><tr>{_cells('th', heading)}</tr>",
            *(f"<tr>{_cells('td', row)}</tr>" for row in rows),
            "</table>",
            *(_plot(f"plot-{number}", figure) for number, figure in enumerate(figures)),
            "</body></html>",
        )
    )


def _cells(tag: str, texts: Sequence[str]) -> str:
    return "".join(f"<{tag}>{escape(each)}</{tag}>" for each in texts)


def _plot(name: str, figure: Figure) -> str:
    html: str = plotly.io.to_html(
        figure,
        config={"displaylogo": False, "responsive": True},
        include_plotlyjs=False,
        full_html=False,
        validate=False,
        div_id=name,
        default_height=figure["layout"].get("height", 450),
    )
    return html
