"""The rules between keys of a policy test."""

import pytest

from streams.offline.policy_tests.rules import faults_between_keys

GAP = {"action": "..."}
HOLD = {"action": "hold"}


def faults(**written: object) -> list[str]:
    """Return the faults as texts, without their paths."""
    return [str(fault).split(": ", 1)[1] for fault in faults_between_keys(written)]


def test_a_test_has_one_traffic() -> None:
    """Recorded, named or described."""
    assert not faults(expect=[HOLD], events="a.ndjson")
    assert not faults(expect=[HOLD], scenario="healthy", seed=5, run=2)
    assert faults(expect=[HOLD], events="a.ndjson", traffic={})[0].startswith("cannot be combined with `events`")
    assert faults(expect=[HOLD], seed=5) == ["has no effect on recorded events: remove it"]


@pytest.mark.parametrize("expect", [None, [], [GAP], [GAP, GAP]])
def test_a_test_can_fail(expect: object) -> None:
    """One that any decisions would pass is a mistake, unless some must never happen."""
    assert faults(expect=expect)[0].startswith("expects nothing, so it can never fail")
    assert not faults(expect=expect, never=["rollback"])


def test_keys_of_one_decision() -> None:
    """A gap stands alone, and `since` belongs to `within`."""
    (gap, since) = faults(expect=[{**GAP, "stage": "x"}, {**HOLD, "since": "1m"}])
    assert gap.startswith("`...` stands for any decisions")
    assert since == "is the start of `within`: write `within`, too"


def test_what_is_expected_cannot_be_forbidden() -> None:
    """The two contradict each other."""
    assert faults(expect=[HOLD], never=["promote", "hold"])[0].endswith("is also expected: remove one of the two")


@pytest.mark.parametrize("odd", [5, "text", [5], [[]], {"a": 1}])
def test_odd_values_are_left_to_the_models(odd: object) -> None:
    """They report them; nothing is raised here."""
    list(faults_between_keys({"expect": odd, "never": odd}))


def test_only_an_approval_and_an_advance_name_a_stage() -> None:
    """Other orders are of the rollout; an advance without one would be refused."""
    pause, approve = {"control": "pause", "stage": "x"}, {"control": "approve", "stage": "x"}
    assert faults(expect=[HOLD], controls=[pause, approve, "odd"]) == [
        "belongs to an `approve` or `advance`: remove it"
    ]
    assert faults(expect=[HOLD], controls=[{"control": "advance"}]) == [
        "is missing: write the stage that is left by hand"
    ]
    assert faults(expect=[HOLD], controls=[{"control": "advance", "stage": "x", "override_freeze": True}]) == []
    assert faults(expect=[HOLD], controls=[{"control": "pause", "confirmed": True}]) == [
        "belongs to rollback or start: remove it"
    ]
