"""What a test.yaml may hold, and the faults of one that is invalid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gates.policy import PolicyError
from streams.offline.policy_tests.document import PolicyTest

BEGIN = 1_767_225_600_000
EXAMPLES = Path(__file__).parents[4] / "examples" / "policy-tests"


def parsed(**keys: Any) -> PolicyTest:
    """Return the test of this content."""
    return PolicyTest.parse(keys)


def faults(**keys: Any) -> list[str]:
    """Return what is wrong with this content."""
    with pytest.raises(PolicyError) as error:
        parsed(**keys)
    return [str(fault) for fault in error.value.faults]


def test_every_fault_is_reported_at_once() -> None:
    """Unknown keys, wrong values and what cannot be together, each with its place and what would be right."""
    found = faults(
        expects=["start"],
        expect=["rolback", {"action": "hold", "within": 5, "check": "errors"}, {"action": "...", "stage": "x"}],
        never=["hold"],
        scenario="nope",
        traffic={"rps": "many"},
        controls=[{"at": "5s", "control": "stop"}],
    )
    assert {fault.split(": ")[0] for fault in found} == {
        "expects",
        "expect[0].action",
        "expect[1].within",
        "expect[1].check",
        "expect[2]",
        "never[0]",
        "scenario",
        "traffic",
        "traffic.rps",
        "controls[0].control",
    }
    assert "expects: is an unknown key; did you mean `expect`?" in found
    assert "traffic: cannot be combined with `scenario`: a test has one traffic, so remove one" in found
    assert faults() == [
        "policy: expects nothing, so it can never fail: write for example `expect: [start, advance, ..., rollback]`"
    ]
    assert faults(expect=["..."]) == faults()
    assert faults(expect=["start"], seed=5) == ["seed: has no effect on recorded events: remove it"]


@pytest.mark.parametrize(
    "wrong", [[], "text", None, {"expect": 5}, {"expect": [[]]}, {"never": [{}]}, {"never": ["hold"], "scenario": []}]
)
def test_what_is_no_test_is_a_fault(wrong: Any) -> None:
    """Any content gives faults, never another exception."""
    with pytest.raises(PolicyError):
        PolicyTest.parse(wrong)
