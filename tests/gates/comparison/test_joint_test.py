"""What the comparisons say together: closed testing by brute force, families, the split of alpha."""

from __future__ import annotations

import itertools
from math import isclose
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.comparison.joint_test import Jury
from gates.policy.checks import joint_test_of
from gates.stats.combination import blamed, weighted_mean
from tests.gates.pane_builders import policy

STAGE = [{"name": "tenth", "weight": "10%", "bake": "10s"}]
values = st.floats(0.0, 1e6) | st.sampled_from([0.0, 99.9, 100.0, 100.1, 200.0, 1e4])


def a_jury(checks: dict[str, dict[str, Any]], failing: int = 1) -> Jury:
    """The jury of error-rate comparisons with these fields."""
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
def test_blame_is_closed_testing(drawn: list[tuple[int, int]]) -> None:
    """Over all subsets, by brute force: the same nulls are rejected; failing that, the heaviest is named."""
    e_values, weights = [float(value) for value, _ in drawn], [float(weight) for _, weight in drawn]
    found, wanted = blamed(e_values, weights, 100.0), closed(e_values, weights, 100.0)
    if wanted:
        assert found == wanted
    else:
        surplus = [weight * (value - 100.0) for value, weight in zip(e_values, weights, strict=True)]
        assert surplus[next(iter(found))] == max(surplus)
        assert len(found) == 1


@given(st.lists(values, min_size=1, max_size=5), st.data())
def test_the_mean_decides_and_the_blamed_are_to_blame(e_values: list[float], data: st.DataObject) -> None:
    """Nobody is convicted below 1/alpha; above it somebody is, each of whose own e-value reaches the threshold."""
    weights = data.draw(st.lists(st.integers(1, 5), min_size=len(e_values), max_size=len(e_values)))
    names = [f"c{index}" for index in range(len(e_values))]
    jury = a_jury({name: {"weight": weight} for name, weight in zip(names, weights, strict=True)})
    given_values = dict(zip(names, e_values, strict=True))
    together = jury.verdict(given_values)
    mean = weighted_mean(e_values, weights)
    assert together.e_value == pytest.approx(mean)
    assert together.threshold == pytest.approx(100.0)
    assert bool(together.convicted) == (mean >= together.threshold)
    assert all(given_values[name] >= together.threshold for name in together.convicted)


@given(st.lists(values, min_size=1, max_size=5), st.integers(0, 4))
def test_more_evidence_never_acquits(e_values: list[float], index: int) -> None:
    """Raise one e-value: the mean does not fall, and who was blamed still is, unless named only for want of others."""
    names = [f"c{number}" for number in range(len(e_values))]
    jury, raised = a_jury({name: {} for name in names}), names[index % len(names)]
    before = dict(zip(names, e_values, strict=True))
    first, second = jury.verdict(before), jury.verdict(before | {raised: before[raised] * 2.0 + 1.0})
    assert (second.e_value or 0.0) >= (first.e_value or 0.0)
    if len(first.convicted) > 1:
        assert first.convicted <= second.convicted


def test_alone_against_the_others_silence() -> None:
    """The threshold that is shown is what a check needs while all the others say nothing: exactly there it convicts."""
    jury = a_jury({"a": {"weight": 3}, "b": {"weight": 1}})
    for name, share in (("a", 0.75), ("b", 0.25)):
        needed = jury.threshold(name, 0.05).rollback
        assert isclose(needed, 100.0 / share)
        others = dict.fromkeys(("a", "b"), 0.0)
        assert jury.verdict(others | {name: needed * (1 + 1e-12)}).convicted == {name}
        assert jury.verdict(others | {name: needed * 0.999}).convicted == set()
    assert jury.threshold("a", 0.05).advance == pytest.approx(20.0)


FAMILIES = {
    "e1": {"family": "errors"},
    "e2": {"family": "errors"},
    "l1": {"family": "latency"},
    "s1": {"family": "saturation"},
}


def test_one_family_is_not_two() -> None:
    """`failing: 2`: whatever one family says, nobody is convicted; with a second one the worst of each is."""
    jury = a_jury(FAMILIES, failing=2)
    quiet = dict.fromkeys(FAMILIES, 0.5)
    assert not jury.verdict(quiet | {"e1": 1e12, "e2": 1e12}).convicted
    assert jury.verdict(quiet | {"e2": 1e12, "l1": 1e9}).convicted == {"e2", "l1"}


@given(st.fixed_dictionaries(dict.fromkeys(FAMILIES, values)), st.integers(2, 3))
def test_partial_conjunction_needs_every_remainder(e_values: dict[str, float], failing: int) -> None:
    """Convicted if and only if the families that remain when any `failing - 1` are left out still reach 1/alpha."""
    jury = a_jury(FAMILIES, failing=failing)
    together = jury.verdict(e_values)
    means = [(e_values["e1"] + e_values["e2"]) / 2, e_values["l1"], e_values["s1"]]
    least = min(sum(kept) / len(kept) for kept in itertools.combinations(means, len(means) - failing + 1))
    assert together.e_value == pytest.approx(least)
    assert bool(together.convicted) == ((together.e_value or 0.0) >= together.threshold)
    if together.convicted:
        assert len(together.convicted) == failing
        assert len({FAMILIES[name]["family"] for name in together.convicted}) == failing


def test_alpha_is_spent_once() -> None:
    """Critical checks beside standard ones that need two families: half of alpha for each of the two ways."""
    both = a_jury({**FAMILIES, "dear": {"severity": "critical"}}, failing=2)
    assert both.verdict(dict.fromkeys((*FAMILIES, "dear"), 0.0)).threshold == pytest.approx(200.0)
    assert a_jury(FAMILIES, failing=2).verdict(dict.fromkeys(FAMILIES, 0.0)).threshold == pytest.approx(100.0)
    found = both.verdict(dict.fromkeys(FAMILIES, 0.0) | {"dear": 200.1})
    assert found.convicted == {"dear"}


@pytest.mark.parametrize("fields", [{"severity": "advisory"}, {"severity": "dry_run"}, {"on_fail": "pause"}])
def test_who_does_not_roll_back_answers_for_himself(fields: dict[str, str]) -> None:
    """Such a check is convicted alone, at the whole of alpha, and takes nothing from what the others say together."""
    jury = a_jury({"a": {}, "quiet": fields})
    found = jury.verdict({"a": 99.0, "quiet": 1e9})
    assert found.convicted == {"quiet"}
    assert found.e_value == 99.0
    assert jury.threshold("a", 0.05).rollback == pytest.approx(100.0)


def test_nothing_compares() -> None:
    """Without a comparison there is no e-value, and nobody is convicted."""
    jury = joint_test_of(policy({"l": {"sli": "error_rate", "limit": "5%"}}, stages=STAGE))
    assert jury.verdict({}).e_value is None
    assert not jury.verdict({}).convicted
