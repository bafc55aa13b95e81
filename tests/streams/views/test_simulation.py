"""The figures of simulated rollouts as rows."""

from math import inf

from streams.offline.simulation.estimates import Proportion, Quantile
from streams.offline.simulation.named import SCENARIOS
from streams.offline.simulation.summary import SimulationSummary
from streams.views.simulation import figure_rows, scenario_lines


def test_each_scenario_is_a_row() -> None:
    """Shares and times with their intervals; what does not apply is a dash."""
    bad = SimulationSummary(
        runs=3,
        requests=9,
        ends={"rolled_back": 2, "baking": 1},
        stages={},
        false_rollbacks=Proportion(0, 3),
        detected=Proportion(2, 3),
        median_ms=Quantile(4_000.0, (3_000.0, inf)),
        p95_ms=Quantile(inf, None),
    )
    (row,) = figure_rows({"bad": bad})
    assert row == (
        "bad",
        "0% (0% to 56.1%)",
        "-",
        "66.7% (20.8% to 93.9%)",
        "4s (3s to never)",
        "never",
        "2 rolled back, 1 baking",
    )


def test_the_named_scenarios_are_listed() -> None:
    """Each with whether its candidate is fine."""
    assert len(scenario_lines()) == len(SCENARIOS)
    assert scenario_lines()[0].split() == ["healthy", "fine", "both", "cohorts", "are", "healthy"]
