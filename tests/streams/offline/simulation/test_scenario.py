"""Scenarios: strict reading, every fault at once, and what traffic they mean."""

import re
from pathlib import Path

import pytest
import yaml

from streams.offline.simulation.named import SCENARIOS
from streams.offline.simulation.scenario import Scenario

LEFT_OUT = ("share_factor", "clusters")
"""Keys that the example in the docs leaves as they are; `sessions` and `clusters` exclude each other."""


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "scenario: must be a mapping (`key: value`), not a list"),
        ({"rate": 1}, "rate: is an unknown key"),
        ({"rps": "many"}, "rps: 'many' is not a number"),
        ({"duration": 30}, "duration: 30 has no unit"),
        ({"duration": "0s"}, "duration: '0s' is too short"),
        ({"error_rate": 5}, "error_rate: 5 is not a share"),
        ({"clusters": 0.5}, "clusters: 0.5 is out of range: write a number from 1 to 1000"),
        ({"users": "yes"}, "users: 'yes' is not a switch"),
        ({"changes": {"at": "1s"}}, "changes: a mapping is not a list"),
        ({"changes": {"1s", "2s"}}, "changes: "),
        ({"changes": [{"at": "0s"}, {"until": "1s"}]}, "changes[1].at: is missing; write for example `at: 5m`"),
        ({"changes": [{"at": "2s", "until": "2s"}]}, "changes[0]: a change must end after it begins"),
        ({"changes": [{"at": "0s", "silent": ["canary"]}]}, "changes[0].silent: 'canary' is not known"),
        ({"changes": [{"at": "0s", "silent": "candidate"}]}, "changes[0].silent: 'candidate' is not a list"),
        ({"changes": [{"at": "0s", "candidate": {"factor": 2}}]}, "changes[0].candidate.factor: is an unknown key"),
        ({"drift": {"sine": {"period": "1m"}}}, "drift.sine.amplitude: is missing"),
        ({"drift": {"sine": None}}, "drift.sine: must be a mapping"),
        ({"latency": {"factor": 2}}, "latency.factor: is an unknown key"),
        ({"latency": {"median_ms": 2}}, "latency.median_ms: is an unknown key; did you mean `median`?"),
        ({1: 2}, "[1]: is not"),
    ],
)
def test_an_invalid_scenario_is_refused(document: object, message: str) -> None:
    """The message has the path, what is wrong, and what would be right."""
    with pytest.raises(ValueError, match=re.escape(message)):
        Scenario.parse(document)


def test_every_fault_is_reported_at_once() -> None:
    """A line each, with its path."""
    document = {"rps": "many", "changes": [{"at": 5}, {"at": "1s", "both": {"error_ratio": -1}}], "bogus": 1}
    with pytest.raises(ValueError, match="rps") as error:
        Scenario.parse(document)
    paths = [line.split(": ")[0] for line in str(error.value).splitlines()]
    assert paths == ["rps", "changes[0].at", "changes[1].both.error_ratio", "bogus"]


def test_the_example_in_the_docs_is_a_scenario() -> None:
    """It reads, and each of its keys does something."""
    page = (Path(__file__).parents[4] / "docs/simulate.md").read_text()
    example = page.split("```yaml\n")[1].split("```")[0]
    scenario = Scenario.parse(yaml.safe_load(example))
    usual = Scenario()
    assert all(
        getattr(scenario, name) != getattr(usual, name) for name in Scenario.model_fields if name not in LEFT_OUT
    )
    assert scenario.harmful_at_ms == 900_000


def test_only_what_makes_the_candidate_worse_is_harmful() -> None:
    """The first change that does counts; trouble of both, silence and improvements do not."""
    bad = {"slow", "tail-slow", "candidate-down", "error-spike", "late-error-x3", "error-x1.5", "error-x2", "error-x5"}
    assert {name for name, scenario in SCENARIOS.items() if scenario.harmful} == bad
    better = {"at": "1s", "candidate": {"error_ratio": 0.5, "latency_factor": 0.5}}
    later = {"at": "9s", "candidate": {"error_rate": "2%"}}
    assert not Scenario.parse({"changes": [better]}).harmful
    assert Scenario.parse({"changes": [later, better]}).harmful_at_ms == 9_000
    assert not Scenario.parse({"changes": [later], "duration": "9s"}).harmful


def test_a_drift_is_a_wave_on_a_slope() -> None:
    """At the top of the wave, half way up to three times the rate."""
    scenario = Scenario.parse({"duration": "20m", "drift": {"sine": {"period": "40m", "amplitude": "50%"}, "ramp": 3}})
    assert scenario.at(600_000).baseline.error_rate == pytest.approx(0.005 * 1.5 * 2.0)
    assert scenario.at(600_000).candidate == scenario.at(600_000).baseline
