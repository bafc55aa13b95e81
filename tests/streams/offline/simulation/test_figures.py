"""The plots of a report, as documents that plotly accepts."""

from __future__ import annotations

import plotly.graph_objects as go

from streams.cli.policy_file import load_policy
from streams.offline.simulation.figures import (
    MOST_POINTS,
    PaneRecorder,
    delays_figure,
    ends_figure,
    timeline_figure,
)
from streams.offline.simulation.run import simulate_run
from streams.offline.simulation.scenario import Scenario
from tests.paths import CHECKOUT_POLICY


def test_plotly_accepts_every_plot() -> None:
    """Plotly itself checks every property; the example has both cohorts and each decision."""
    policy = load_policy(str(CHECKOUT_POLICY))
    scenario = Scenario.parse({"duration": "60s", "changes": [{"at": "5s", "down": True}]})
    recorded = PaneRecorder()
    simulated = simulate_run(policy, scenario, 1, 0, recorded.append)
    example = timeline_figure("down", simulated, recorded, policy.cohorts)
    for figure in (ends_figure({"down": [simulated]}), delays_figure({"down": [simulated]}), example):
        go.Figure(figure)
    weight, stable, canary = example["data"]
    assert weight["y"] == [0.01, 0.0, 0.0]
    assert weight["text"][1].startswith("rollback: ")
    assert (stable["name"], canary["name"]) == ("stable", "canary")
    assert max(rate for rate in canary["y"] if rate is not None) == 1.0


def test_long_runs_are_drawn_with_few_points() -> None:
    """A page with every pane of a day would be too slow to move."""
    recorded = PaneRecorder()
    scenario = Scenario.parse({"duration": "10m", "rps": 20})
    simulate_run(load_policy(str(CHECKOUT_POLICY)), scenario, 1, 0, recorded.append)
    minutes, rates = recorded.error_rates("stable")
    assert len(recorded.panes) > MOST_POINTS
    assert len(minutes) == len(rates) <= MOST_POINTS
    assert minutes == sorted(minutes)
    assert recorded.error_rates("nobody")[1] == [None] * len(minutes)
