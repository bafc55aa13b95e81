"""The report: one file with everything in it."""

from __future__ import annotations

from streams.cli.policy_file import load_policy
from streams.offline.simulation.report import report
from streams.offline.simulation.run import simulate_run
from streams.offline.simulation.scenario import Scenario
from tests.paths import CHECKOUT_POLICY


def test_texts_are_escaped_and_each_scenario_has_a_plot() -> None:
    """The table is as given; names of scenarios come from files, so they may hold anything."""
    policy = load_policy(str(CHECKOUT_POLICY))
    scenario = Scenario.parse({"duration": "20s", "rps": 20})
    runs = [simulate_run(policy, scenario, 1, 0)]
    html = report(policy, {"<b>": scenario}, {"<b>": runs}, ["a & b"], [["<i>", "2"]])
    body = html.split("</script></head>")[1]
    assert "<tr><th>a &amp; b</th></tr>" in body
    assert "<tr><td>&lt;i&gt;</td><td>2</td></tr>" in body
    assert "<b>" not in body
    assert [f'id="plot-{number}"' in body for number in range(4)] == [True, True, True, False]
