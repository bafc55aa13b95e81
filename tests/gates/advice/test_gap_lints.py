"""Gaps of thin traffic: those that hold a healthy stage, and those that do not bake."""

from __future__ import annotations

import pytest

from gates.advice.lint import lint
from gates.policy import Policy
from tests.gates.good_policy import changed

HOUR = [{"name": "tenth", "weight": "10%", "bake": "1h"}]
PATIENT = {"hold_after": "10m", "pause_after": "20m"}


def of_path(policy: Policy, rps: float, path: str, words: str = "") -> list[str]:
    """The messages at a path that have these words."""
    return [each.message for each in lint(policy, rps) if each.path == path and words in each.message]


def test_gaps_beyond_hold_after_are_remarked() -> None:
    """Only where they are likely within a stage; with the number that is written instead there are none."""
    policy = changed({"stages": HOUR})
    assert not of_path(policy, 50.0, "no_data.hold_after")
    (found,) = of_path(policy, 1.0, "no_data.hold_after")
    assert found == (
        "30s is shorter than gaps of healthy traffic: at 1 request/s, canary in stage tenth (a request each 10s on "
        "average) will be held as silent; raise `weight`, or write 2m"
    )
    assert not of_path(changed({"stages": HOUR, "no_data.hold_after": "2m"}), 1.0, "no_data.hold_after")


@pytest.mark.parametrize("rps", [0.001, 0.02, 0.2])
def test_the_thinner_the_traffic_the_surer_the_hold(rps: float) -> None:
    """Also where hardly a request falls into the whole bake: silence begins with the order of the stage."""
    policy = changed({"stages": [{"name": "tenth", "weight": "10%", "bake": "5m"}]})
    assert len(of_path(policy, rps, "no_data.hold_after", "canary in stage tenth")) == 1


@pytest.mark.parametrize(
    ("no_data", "rps", "found"),
    [
        (PATIENT, 0.2, ["1h takes 8h12m or so: at 0.2 requests/s, canary has a request each 50s on average, and"]),
        (
            PATIENT,
            0.0001,
            ["1h takes 41d16h or so: at 0.0001 requests/s, canary has a request each 1d3h46m40s"],
        ),
        (PATIENT, 0.6, []),
        ({}, 0.2, []),
    ],
)
def test_gaps_that_do_not_bake_are_remarked(no_data: dict[str, str], rps: float, found: list[str]) -> None:
    """A long `hold_after` prevents the holds, and the bake takes longer than written."""
    messages = of_path(changed({"stages": HOUR, "no_data": no_data}), rps, "stages[0].bake", " or so: at ")
    assert len(messages) == len(found)
    assert all(message.startswith(words) for message, words in zip(messages, found, strict=True))


def test_at_all_traffic_the_candidate_alone_counts() -> None:
    """No baseline is left that could have gaps."""
    stages = [{"name": "all", "weight": "100%", "bake": "1h"}]
    policy = changed({"stages": stages, "no_data": PATIENT, "checks.errors.ratio": None, "checks.p95.ratio": None})
    assert not of_path(policy, 1.0, "stages[0].bake", " or so: at ")
    assert not of_path(policy, 1.0, "no_data.hold_after")
