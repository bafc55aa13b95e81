"""The joint test: closed testing by brute force, families, the split of alpha."""

from __future__ import annotations

import itertools
from math import isclose
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.comparison.joint_test import JointTest
from gates.policy.checks import joint_test_of
from gates.stats.combination import closed_testing, weighted_mean
from tests.gates.pane_builders import policy

STAGE = [{"name": "tenth", "weight": "10%", "bake": "10s"}]
values = st.floats(0.0, 1e6) | st.sampled_from([0.0, 99.9, 100.0, 100.1, 200.0, 1e4])


def a_joint_test(checks: dict[str, dict[str, Any]], failing: int = 1) -> JointTest:
    """The joint test of error-rate comparisons with these fields."""
    known = {name: {"sli": "error_rate", "ratio": 1.25, **fields} for name, fields in checks.items()}
    return joint_test_of(policy(known, stages=STAGE, rollback_on={"failing": failing}))


def closed(e_values: list[float], weights: list[float], threshold: float) -> set[int]:
    """Closed testing as it is defined: every subset that holds the null must be rejected by its weighted mean."""
    everyone = range(len(e_values))
    subsets = [set(s) for size in range(1, len(e_values) + 1) for s in itertools.combinations(everyone, size)]
    return {
        index
        for index in everyone
        if all(
            sum(weights[i] * (e_values[i] - threshold) for i in subset) >= 0.0 for subset in subsets if index in subset
        )
    }


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 9)), min_size=1, max_size=6))
def test_the_rejected_are_those_of_closed_testing(drawn: list[tuple[int, int]]) -> None:
    """Over all subsets, by brute force: the same nulls are rejected; failing that, the heaviest is named."""
    e_values, weights = [float(value) for value, _ in drawn], [float(weight) for _, weight in drawn]
    found, wanted = closed_testing(e_values, weights, 100.0), closed(e_values, weights, 100.0)
    if wanted:
        assert found == wanted
    else:
        surplus = [weight * (value - 100.0) for value, weight in zip(e_values, weights, strict=True)]
        assert surplus[next(iter(found))] == max(surplus)
        assert len(found) == 1


@given(st.lists(values, min_size=1, max_size=5), st.data())
def test_the_mean_decides_and_the_rejected_have_enough_evidence(e_values: list[float], data: st.DataObject) -> None:
    """No null is rejected below 1/alpha; above it at least one is, and each has an e-value that reaches it."""
    weights = data.draw(st.lists(st.integers(1, 5), min_size=len(e_values), max_size=len(e_values)))
    names = [f"c{index}" for index in range(len(e_values))]
    joint_test = a_joint_test({name: {"weight": weight} for name, weight in zip(names, weights, strict=True)})
    given_values = dict(zip(names, e_values, strict=True))
    found = joint_test.evaluate(given_values)
    mean = weighted_mean(e_values, weights)
    assert found.e_value == pytest.approx(mean)
    assert found.threshold == pytest.approx(100.0)
    assert bool(found.rejected) == (mean >= found.threshold)
    assert all(given_values[name] >= found.threshold for name in found.rejected)


@given(st.lists(values, min_size=1, max_size=5), st.integers(0, 4))
def test_more_evidence_keeps_what_is_rejected(e_values: list[float], index: int) -> None:
    """Raise one e-value: the mean does not fall, and what was rejected still is, unless it was the only one."""
    names = [f"c{number}" for number in range(len(e_values))]
    joint_test, raised = a_joint_test({name: {} for name in names}), names[index % len(names)]
    before = dict(zip(names, e_values, strict=True))
    first, second = joint_test.evaluate(before), joint_test.evaluate(before | {raised: before[raised] * 2.0 + 1.0})
    assert (second.e_value or 0.0) >= (first.e_value or 0.0)
    if len(first.rejected) > 1:
        assert first.rejected <= second.rejected


def test_alone_while_the_others_are_zero() -> None:
    """The threshold that is shown is what a check needs while all the others are 0: exactly there it is rejected."""
    joint_test = a_joint_test({"a": {"weight": 3}, "b": {"weight": 1}})
    for name, share in (("a", 0.75), ("b", 0.25)):
        needed = joint_test.thresholds(name, 0.05).rollback
        assert isclose(needed, 100.0 / share)
        others = dict.fromkeys(("a", "b"), 0.0)
        assert joint_test.evaluate(others | {name: needed * (1 + 1e-12)}).rejected == {name}
        assert joint_test.evaluate(others | {name: needed * 0.999}).rejected == set()
    assert joint_test.thresholds("a", 0.05).advance == pytest.approx(20.0)


FAMILIES = {
    "e1": {"family": "errors"},
    "e2": {"family": "errors"},
    "l1": {"family": "latency"},
    "s1": {"family": "saturation"},
}


def test_one_family_is_not_two() -> None:
    """`failing: 2`: one family alone rejects nothing; with a second one the worst check of each is rejected."""
    joint_test = a_joint_test(FAMILIES, failing=2)
    quiet = dict.fromkeys(FAMILIES, 0.5)
    assert not joint_test.evaluate(quiet | {"e1": 1e12, "e2": 1e12}).rejected
    assert joint_test.evaluate(quiet | {"e2": 1e12, "l1": 1e9}).rejected == {"e2", "l1"}


@given(st.fixed_dictionaries(dict.fromkeys(FAMILIES, values)), st.integers(2, 3))
def test_partial_conjunction_needs_every_remainder(e_values: dict[str, float], failing: int) -> None:
    """Rejected if and only if the families that remain when any `failing - 1` are left out still reach 1/alpha."""
    joint_test = a_joint_test(FAMILIES, failing=failing)
    found = joint_test.evaluate(e_values)
    means = [(e_values["e1"] + e_values["e2"]) / 2, e_values["l1"], e_values["s1"]]
    least = min(sum(kept) / len(kept) for kept in itertools.combinations(means, len(means) - failing + 1))
    assert found.e_value == pytest.approx(least)
    assert bool(found.rejected) == ((found.e_value or 0.0) >= found.threshold)
    if found.rejected:
        assert len(found.rejected) == failing
        assert len({FAMILIES[name]["family"] for name in found.rejected}) == failing


def test_alpha_is_spent_once() -> None:
    """Critical checks beside standard ones that need two families: half of alpha for each of the two ways."""
    both = a_joint_test({**FAMILIES, "dear": {"severity": "critical"}}, failing=2)
    assert both.evaluate(dict.fromkeys((*FAMILIES, "dear"), 0.0)).threshold == pytest.approx(200.0)
    assert a_joint_test(FAMILIES, failing=2).evaluate(dict.fromkeys(FAMILIES, 0.0)).threshold == pytest.approx(100.0)
    found = both.evaluate(dict.fromkeys(FAMILIES, 0.0) | {"dear": 200.1})
    assert found.rejected == {"dear"}


@pytest.mark.parametrize("fields", [{"severity": "advisory"}, {"severity": "dry_run"}, {"on_fail": "pause"}])
def test_a_check_that_does_not_roll_back_is_tested_alone(fields: dict[str, str]) -> None:
    """At the whole of alpha, and it takes nothing from the others."""
    joint_test = a_joint_test({"a": {}, "quiet": fields})
    found = joint_test.evaluate({"a": 99.0, "quiet": 1e9})
    assert found.rejected == {"quiet"}
    assert found.e_value == 99.0
    assert joint_test.thresholds("a", 0.05).rollback == pytest.approx(100.0)


def test_nothing_compares() -> None:
    """Without a comparison there is no e-value, and no null is rejected."""
    joint_test = joint_test_of(policy({"l": {"sli": "error_rate", "limit": "5%"}}, stages=STAGE))
    assert joint_test.evaluate({}).e_value is None
    assert not joint_test.evaluate({}).rejected
