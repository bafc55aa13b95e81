"""How long bad events hang together: independent ones, clusters in time, storms of one part, snapshots."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.stats.error_correlation import PRIOR_BLOCKS, PRIOR_PHI, SETTLED_BLOCKS, BaselineParts, ErrorCorrelation
from tests.gates.stats.contract import through_json

EVENTS = 1_000
RUNS = 20


def measured(bad: list[int], parts: list[BaselineParts] | None = None, pane_s: float = 1.0) -> ErrorCorrelation:
    """What is known after panes with these numbers of bad events."""
    correlation = ErrorCorrelation(pane_s)
    for pane, number in enumerate(bad):
        correlation.add_pane(number, EVENTS, None if parts is None else parts[pane])
    return correlation


def clusters(seed: int, seconds: int, size: int, length_s: int) -> list[int]:
    """Bad events in clusters of `size`, each spread over `length_s`; ten bad events a second on average."""
    rng = np.random.default_rng(seed)
    found = np.zeros(seconds + length_s, dtype=int)
    for start in range(seconds):
        for _ in range(rng.poisson(10.0 / size)):
            found[start : start + length_s] += rng.multinomial(size, [1.0 / length_s] * length_s)
    return [int(number) for number in found[:seconds]]


def by_emitter(seed: int, seconds: int, storm: range = range(0), rate: float = 0.2) -> list[BaselineParts]:
    """Eight instances, one of which fails more in a storm."""
    rng = np.random.default_rng(seed)
    found: list[BaselineParts] = []
    for second in range(seconds):
        rates = [rate if second in storm and part == 0 else 0.01 for part in range(8)]
        found.append({"emitter": {f"i{part}": (int(rng.binomial(125, rate)), 125) for part, rate in enumerate(rates)}})
    return found


def totals(parts: list[BaselineParts]) -> list[int]:
    """All bad events of each pane."""
    return [int(sum(bad for bad, _ in pane["emitter"].values())) for pane in parts]


def test_nothing_is_assumed_of_rho_and_much_of_phi_before_anything_is_measured() -> None:
    """Blocks start short, for a candidate that fails at once; an advance waits anyhow."""
    fresh = ErrorCorrelation(1.0)
    assert (fresh.rho, fresh.phi) == (1.0, PRIOR_PHI)


def test_independent_bad_events_hang_together_for_about_a_second() -> None:
    """Ten minutes: within the margins, by time and between instances."""
    rng = np.random.default_rng(1)
    found = [measured([int(bad) for bad in rng.binomial(EVENTS, 0.01, 600)]) for _ in range(RUNS)]
    assert np.median([each.rho for each in found]) < 2.0
    assert np.median([each.phi for each in found]) < 2.0
    parts = by_emitter(2, 600)
    assert measured(totals(parts), parts).rho < 2.5


@pytest.mark.parametrize(("length_s", "least", "most"), [(1, 1.0, 2.5), (5, 5.0, 25.0), (20, 10.0, 60.0)])
def test_rho_is_at_least_as_long_as_a_cluster(length_s: int, least: float, most: float) -> None:
    """In seconds, in the middle of several runs of ten minutes; of clusters of 20 bad events."""
    found = [measured(clusters(seed, 600, 20, length_s)).rho for seed in range(RUNS)]
    assert least <= np.median(found) <= most


def test_phi_is_about_as_large_as_a_cluster() -> None:
    """Clusters of 20 in a second: the counts vary twenty times as much as independent ones, and phi is on that side."""
    found = [measured(clusters(seed, 600, 20, 1)).phi for seed in range(RUNS)]
    assert 12.0 <= np.median(found) <= 45.0


def test_the_prior_of_phi_fades_with_the_blocks() -> None:
    """Phi of independent bad events falls towards what is measured, and the prior ends with the last of its blocks."""
    rng = np.random.default_rng(3)
    bad = [int(number) for number in rng.binomial(EVENTS, 0.01, 10 * (SETTLED_BLOCKS + 3))]
    found = [measured(bad[: 10 * blocks]).phi for blocks in (0, 4, 10, 20, SETTLED_BLOCKS - 1, SETTLED_BLOCKS + 3)]
    assert found == sorted(found, reverse=True)
    assert found[0] == PRIOR_PHI
    least = PRIOR_BLOCKS * PRIOR_PHI / (PRIOR_BLOCKS + SETTLED_BLOCKS - 1)
    assert found[-2] > least > 1.0
    assert found[-1] < 2.5


def test_storms_of_single_instances_show_between_instances() -> None:
    """Ten seconds in which one of eight fails, three times; common bursts of the same size do not show."""
    calm, storms, bursts = by_emitter(4, 240), by_emitter(4, 240, range(60, 70)), by_emitter(4, 240)
    for begin in (120, 180):
        storms[begin : begin + 10] = storms[60:70]
    for second in range(60, 70):
        bursts[second] = {"emitter": {name: (bad * 4, 125) for name, (bad, _) in calm[second]["emitter"].items()}}
    bursts = bursts[:120]
    assert measured(totals(storms), storms).rho > 3.0 > measured(totals(bursts), bursts).rho
    assert measured(totals(storms), storms).phi > 2.0 * measured(totals(bursts), bursts).phi


@pytest.mark.parametrize("length_s", [5, 10, 30])
@pytest.mark.parametrize("rate", [0.2, 1.0])
def test_one_fault_of_one_instance_does_not_blind_the_gate(length_s: int, rate: float) -> None:
    """Who can make one instance fail once must not slow the gate down for hours: blocks stay short."""
    fault = by_emitter(4, 900, range(60, 60 + length_s), rate)
    found = measured(totals(fault), fault)
    assert found.rho <= 6.0
    assert found.phi <= PRIOR_PHI


def test_one_part_or_no_bad_event_is_no_difference_between_parts() -> None:
    """Then only time speaks."""
    alone: list[BaselineParts] = [{"emitter": {"i0": (bad, EVENTS)}} for bad in [10] * 100]
    none: list[BaselineParts] = [{"emitter": {"i0": (0, 500), "i1": (0, 500)}}] * 100
    assert measured([10] * 100, alone).rho == measured([10] * 100).rho
    assert measured([0] * 100, none).phi == PRIOR_PHI


def test_rho_is_settled_anew_every_ten_seconds() -> None:
    """And never within a block of them, so that it never depends on the pane at hand."""
    bad, found = clusters(6, 200, 20, 10), []
    correlation = ErrorCorrelation(1.0)
    for number in bad:
        correlation.add_pane(number, EVENTS)
        found.append(correlation.rho)
    changed = [pane for pane in range(1, 200) if found[pane] != found[pane - 1]]
    assert changed
    assert all(pane % 10 == 9 for pane in changed)


@pytest.mark.parametrize("pane_s", [0.1, 1.0, 5.0, 10.0, 60.0])
def test_every_length_of_pane_is_measured(pane_s: float) -> None:
    """A pane of 10 s is its own block; one of a minute is longer than all but the last of them."""
    rng = np.random.default_rng(8)
    bad = [int(number) for number in rng.binomial(EVENTS, 0.01, 200)]
    found = measured(bad, pane_s=pane_s)
    assert 1.0 <= found.rho < 4.0
    assert 1.0 <= found.phi <= PRIOR_PHI


numbers = st.lists(st.integers(0, 30), max_size=80)


@given(numbers, numbers)
def test_a_snapshot_continues_bit_for_bit(before: list[int], after: list[int]) -> None:
    """Open blocks too, by time and by part."""

    def parts(bad: int) -> BaselineParts:
        return {"emitter": {"a": (bad, 400), "b": (0, 600)}, "user": {"user 1 of 2": (bad / 2, EVENTS)}}

    def values(correlation: ErrorCorrelation) -> list[Any]:
        found = []
        for bad in after:
            correlation.add_pane(bad, EVENTS, parts(bad))
            found.append((correlation.rho, correlation.phi))
        return found

    whole, loaded = measured(before, [parts(bad) for bad in before]), ErrorCorrelation(1.0)
    loaded.load(through_json(whole.dump()))
    assert values(loaded) == values(whole)
    assert through_json(loaded.dump()) == through_json(whole.dump())
