"""The evidence in blocks: reference vectors, validity by enumeration, agreement of parts, snapshots."""

import json
from itertools import product
from math import inf, log, prod
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.stats.advance_sums import AdvanceSums, MarginRange
from gates.stats.block_bets import EFFECTS, block_panes, catastrophe_log_factor, event_factors, largest_log_factor
from gates.stats.block_evidence import BlockEvidence, BlockRule
from gates.stats.error_correlation import ErrorCorrelation
from gates.stats.pane_counts import PaneCounts

VECTORS: dict[str, Any] = {
    vector["name"]: vector for vector in json.loads(Path(__file__).with_name("blocks_vectors.json").read_text())
}


def run(rule: BlockRule, panes: list[PaneCounts], correlation_s: list[float] | None = None) -> list[float]:
    """The e-value after each pane."""
    evidence, found = BlockEvidence(rule), []
    for index, pane in enumerate(panes):
        evidence.add_pane(pane, 1.0 if correlation_s is None else correlation_s[index])
        found.append(evidence.get())
    return found


def counts(*numbers: float) -> PaneCounts:
    """Counts in the vectors' order: bad of candidate and baseline, all of both."""
    bad, base_bad, events, base_events = numbers
    return PaneCounts(bad, base_bad, int(events), int(base_events))


@pytest.mark.parametrize(
    "name", ["pane factors, first three effects", "pane factors at ratio 1.25, last three effects"]
)
def test_the_mean_bet_of_one_pane_is_that_of_the_vectors(name: str) -> None:
    """One pane is a block of its own here."""
    given_ = VECTORS[name]["input"]
    bad, base_bad = given_["s_c"], given_["s_b"]
    pairs = event_factors(given_["n_c"], given_["n_b"], given_["ratio"])
    found = [(bad * candidate + base_bad * baseline) / (bad + base_bad) for candidate, baseline in pairs]
    expected = VECTORS[name]["expected"]
    assert found[:3] == pytest.approx(expected, rel=1e-9) or found[-3:] == pytest.approx(expected, rel=1e-9)


def test_block_lengths_are_those_of_the_vectors() -> None:
    """Times in seconds: rho times the log of the largest factor, in whole panes."""
    vector = VECTORS["block length in panes"]
    found = [
        block_panes(
            each["rho"], largest_log_factor(each["n_c"], each["n_b"], each["bad_share"], each["ratio"]), each["pane_s"]
        )
        for each in vector["input"]
    ]
    assert found == vector["expected"]


def test_the_catastrophe_factor_is_that_of_the_vectors_with_and_without_its_cap() -> None:
    """Lost successes, bounded by the cap."""
    for name, cap in (("catastrophe log factor, uncapped", inf), ("catastrophe log factor, capped at log 32", log(32))):
        given_ = VECTORS[name]["input"]
        pane = counts(given_["s_c"], given_["s_b"], given_["n_c"], given_["n_b"])
        assert catastrophe_log_factor(pane, cap) == pytest.approx(VECTORS[name]["expected"], rel=1e-12)


@pytest.mark.parametrize("name", ["three-second blocks, weight 1 %", "all fail from the first pane"])
def test_the_evidence_of_each_pane_is_that_of_the_vectors(name: str) -> None:
    """After each pane, to 1e-9."""
    given_ = VECTORS[name]["input"]
    rule = BlockRule(given_["ratio"], given_["panes"], 1.0, given_["weight"], 100.0)
    found = run(rule, [counts(*pane) for pane in given_["data"]])
    assert found == pytest.approx(VECTORS[name]["expected"], rel=1e-9)


def test_a_latency_has_no_catastrophe_row_and_ends_where_the_vectors_do() -> None:
    """A quantile's bad share is known by construction."""
    vector = VECTORS["latency p95, no catastrophe row; last value"]
    rule = BlockRule(1.0, 3600, 1.0, 0.05, 100.0, catastrophe=False, least_bad=0.05)
    assert run(rule, [counts(9, 50, 50, 950)] * 10)[-1] == pytest.approx(vector["expected"], rel=1e-9)


def test_panes_without_one_of_the_cohorts_and_a_longer_correlation_follow_the_vectors() -> None:
    """They age the open block, and bet nothing."""
    vector = VECTORS["panes without one of the cohorts; rho 2 from pane 9 on"]
    panes = [counts(1, 2, 10, 90)] * 3 + [counts(0, 2, 0, 90)] * 4 + [counts(2, 0, 10, 0)] * 2
    panes += [counts(3, 2, 10, 90)] * 6
    found = run(BlockRule(1.25, 60, 1.0, 0.1, 100.0), panes, [1.0] * 9 + [2.0] * 6)
    assert found == pytest.approx(vector["expected"], rel=1e-9)


def test_rho_and_phi_are_those_of_the_vectors() -> None:
    """Thirty bad events in every other stretch of 10 s."""
    vector = next(vector for name, vector in VECTORS.items() if name.startswith("rho and phi"))
    correlation = ErrorCorrelation(1.0)
    for pane in range(vector["input"]["panes"]):
        correlation.add_pane(30 if pane // 10 % 2 == 0 else 0, 1000)
    assert [correlation.rho, correlation.phi] == pytest.approx(vector["expected"], rel=1e-9)


def test_the_advance_sums_are_those_of_the_vectors() -> None:
    """The design effect is applied when one looks."""
    sums = AdvanceSums(1.25, MarginRange(0.005, 0.005))
    for pane in range(120):
        sums.add_pane(PaneCounts(1 if pane % 4 == 0 else 0, 5, 50, 950), 10)
    *expected, lately = VECTORS["advance"]["expected"]
    assert [sums.get(phi) for phi in (1.0, 2.0, 4.5)] == pytest.approx(expected, rel=1e-9)
    assert sums.lately_good() is lately


@given(
    events=st.integers(1, 4),
    base_events=st.integers(1, 6),
    share=st.floats(0.01, 0.4),
    ratio=st.sampled_from((1.0, 1.25, 2.0)),
)
def test_the_bet_of_a_block_has_at_most_the_expectation_1_where_the_odds_are_tolerated(
    events: int, base_events: int, share: float, ratio: float
) -> None:
    """All outcomes of one pane, enumerated: independent bad events whose odds are `ratio` times the baseline's."""
    odds = ratio * share / (1.0 - share)
    worse = odds / (1.0 + odds)
    pairs = event_factors(events, base_events, ratio)
    expected = [0.0] * len(EFFECTS)
    for outcome in product((0, 1), repeat=events + base_events):
        bad, base_bad = sum(outcome[:events]), sum(outcome[events:])
        chance = worse**bad * (1 - worse) ** (events - bad) * share**base_bad * (1 - share) ** (base_events - base_bad)
        for index, (candidate, baseline) in enumerate(pairs):
            factor = (bad * candidate + base_bad * baseline) / (bad + base_bad) if bad + base_bad else 1.0
            expected[index] += chance * factor
    assert max(expected) <= 1.0 + 1e-12


def test_one_part_alone_decides_nothing() -> None:
    """One client makes all the bad events of its half: the other half stays as good as the baseline."""
    evidence = BlockEvidence(BlockRule(1.25, 3600, 1.0, 0.1, 100.0))
    alone = BlockEvidence(BlockRule(1.25, 3600, 1.0, 0.1, 100.0))
    for _ in range(300):
        pane = PaneCounts(3, 1, 100, 900)
        evidence.add_pane(pane, 1.0, {"even": (3, 50), "odd": (0, 50)})
        alone.add_pane(pane)
    assert alone.get() > 100 > evidence.get()


def test_the_part_that_limits_is_named() -> None:
    """With what it reaches, what it needs, and what the whole were without it."""
    evidence = BlockEvidence(BlockRule(1.25, 3600, 1.0, 0.1, 100.0))
    for _ in range(300):
        evidence.add_pane(PaneCounts(3, 1, 100, 900), 1.0, {"even": (3, 50), "odd": (0, 50)})
    e_value, agreement = evidence.found()
    assert agreement is not None
    assert (agreement.part, agreement.needed) == ("odd", 3.0)
    assert e_value == pytest.approx(100.0 / 3.0 * agreement.reached)
    assert agreement.whole > 100.0


panes = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 20), st.integers(0, 20), st.integers(0, 200)).map(
        lambda each: PaneCounts(min(each[0], each[2]), min(each[1], each[3]), each[2], each[3])
    ),
    max_size=60,
)


@given(panes, st.sampled_from((1.0, 2.5)), st.booleans())
def test_the_blocks_listed_and_the_others_multiply_to_the_e_value(
    known: list[PaneCounts], rho: float, catastrophe: bool
) -> None:
    """Whatever happens, also where the candidate goes on alone."""
    evidence = BlockEvidence(BlockRule(1.25, 200, 1.0, 0.1, 100.0, catastrophe=catastrophe))
    for second, pane in enumerate(known):
        span = second * 1_000, second * 1_000 + 1_000
        if second < 50:
            evidence.add_pane(pane, rho, None, span)
        else:
            evidence.add_alone((pane.candidate_bad, pane.candidate_events), 0.05, 2.0, None, span)
    report = evidence.largest.report(evidence.get())
    factors = [growth.factor for growth in report.largest]
    assert prod([report.others, *factors]) == pytest.approx(evidence.get(), rel=1e-9)
    assert factors == sorted(factors, reverse=True)
    assert all(factor > 1.0 for factor in factors)


def test_a_baseline_that_returns_ends_the_block_of_the_candidate_alone() -> None:
    """Errors held against an objective, and errors compared with a baseline, are not of one block."""
    evidence = BlockEvidence(BlockRule(1.25, 3600, 1.0, 0.1, 100.0))
    evidence.add_alone((30, 50), 0.01, 4.0)
    assert evidence.get() == pytest.approx(1.0)
    evidence.add_pane(PaneCounts(0, 9, 100, 900), 4.0)
    assert evidence.get() > 1.0
    assert evidence.largest.report(evidence.get()).largest == ()


@given(before=panes, after=panes)
def test_a_snapshot_continues_bit_for_bit(before: list[PaneCounts], after: list[PaneCounts]) -> None:
    """Evidence, correlation and sums go on from JSON as if nothing had happened."""
    rule = BlockRule(1.25, 200, 1.0, 0.1, 100.0)
    whole, correlation, sums = BlockEvidence(rule), ErrorCorrelation(1.0), AdvanceSums(1.25, MarginRange(0.005, 0.005))

    def add(pane: PaneCounts, parts: tuple[BlockEvidence, ErrorCorrelation, AdvanceSums]) -> None:
        evidence, known, good = parts
        halves = {"even": (pane.candidate_bad, pane.candidate_events), "odd": (0.0, 0)}
        evidence.add_pane(pane, known.rho, halves)
        emitters = {"emitter": {"a": (pane.baseline_bad, pane.baseline_events // 2), "b": (0.0, 3)}}
        known.add_pane(pane.baseline_bad, pane.baseline_events, emitters)
        good.add_pane(pane, 10)

    for pane in before:
        add(pane, (whole, correlation, sums))
    loaded = BlockEvidence(rule), ErrorCorrelation(1.0), AdvanceSums(1.25, MarginRange(0.005, 0.005))
    loaded[0].load(json.loads(json.dumps(whole.dump())))
    loaded[1].load(json.loads(json.dumps(correlation.dump())))
    loaded[2].load(json.loads(json.dumps(sums.dump())))
    for pane in after:
        add(pane, (whole, correlation, sums))
        add(pane, loaded)
    assert loaded[0].get() == whole.get()
    assert (loaded[1].rho, loaded[1].phi) == (correlation.rho, correlation.phi)
    assert loaded[2].get(2.0) == sums.get(2.0)


def test_a_block_ends_where_the_candidate_is_alone_and_where_it_is_not_any_more() -> None:
    """Counts of both kinds never share a block; a pane without any event ends none."""
    evidence = BlockEvidence(BlockRule(1.25, 3_600, 1.0, 0.05, 100.0, catastrophe=False))
    evidence.add_pane(PaneCounts(5, 9, 50, 950))
    assert evidence.get() == pytest.approx(1.0)
    evidence.add_alone((30, 1_000), 0.02)
    compared = evidence.get()
    assert compared > 1.5
    evidence.skip_pane()
    assert evidence.get() == compared
    evidence.add_pane(PaneCounts(0, 0, 50, 950))
    assert evidence.get() > compared


def test_half_of_the_users_of_a_candidate_alone_must_agree() -> None:
    """One client fails in its half; where both halves are beyond the objective, it is rolled back."""
    found = []
    for odd in (0, 60):
        evidence = BlockEvidence(BlockRule(1.25, 3_600, 1.0, 0.05, 100.0))
        for _ in range(80):
            evidence.add_alone((60 + odd, 1_000), 0.02, 1.0, {"even": (60, 500), "odd": (odd, 500)}, (0, 1_000))
        found.append(evidence.get())
    assert found[0] < 100.0 < found[1]
