"""The rule of blocks at work on panes: clusters, thin traffic, agreement, the last panes, the candidate alone."""

from __future__ import annotations

import json
from math import prod
from typing import Any

import numpy as np
import pytest

from gates.comparison.blocks import AdvanceBound, Blocks
from gates.comparison.count_evidence import AloneCounts, BaselineCounts, CountedPane
from gates.evidence_view import PaneUse
from gates.panes import NOTHING, Cell
from gates.stats.advance_sums import MarginRange
from gates.stats.block_evidence import BlockRule
from gates.stats.largest_blocks import BAD_EVENTS
from gates.stats.pane_counts import PaneCounts
from tests.gates.comparison.test_parts import halved
from tests.gates.pane_builders import pane

RULE = BlockRule(1.25, 3_600, 1.0, 0.1, 100.0)
BOUND = AdvanceBound(1.25, MarginRange(0.005, 0.005))


def counted(
    second: int, counts: PaneCounts | None, *, eligible: bool = True, cell: Cell = NOTHING, **more: Any
) -> CountedPane:
    """A pane with these counts, for both directions."""
    known = counts or PaneCounts(0, 0, 0, 0)
    seen = PaneUse(eligible=eligible, bake_ms=60_000)
    baseline = BaselineCounts(known.baseline_bad, known.baseline_events, NOTHING)
    return CountedPane(pane(second, None, None), seen, baseline, cell, counts, counts if eligible else None, **more)


def fed(evidence: Blocks, panes: list[PaneCounts | None], cells: list[Cell] | None = None) -> Blocks:
    """The evidence after these panes."""
    for second, counts in enumerate(panes):
        evidence.update(counted(second, counts, cell=NOTHING if cells is None else cells[second]))
    return evidence


def test_what_made_the_evidence_multiplies_to_it() -> None:
    """A quiet minute, and then a candidate that fails: its blocks come first, with their times and counts."""
    panes: list[PaneCounts | None] = [PaneCounts(1, 9, 100, 900)] * 60
    evidence = fed(Blocks(RULE, BOUND), [*panes, *[PaneCounts(20, 9, 100, 900)] * 6])
    state, begun = evidence.blocks(), pane(60, None, None).start
    three = sorted(growth[1:] for growth in state.report.largest[:3])
    counts = PaneCounts(40, 18, 200, 1_800)
    assert three == [(start, start + 2_000, BAD_EVENTS, counts) for start in range(begun, begun + 6_000, 2_000)]
    factors = [growth.factor for growth in state.report.largest]
    assert prod([state.report.others, *factors]) == pytest.approx(evidence.get().worse)
    assert (state.report.number, state.report.agreement) == (33, None)


def test_the_next_look_comes_when_the_block_ends() -> None:
    """Two seconds at a share of 10%, longer where the baseline's errors hang together."""
    evidence = fed(Blocks(RULE, BOUND), [PaneCounts(1, 9, 100, 900)] * 3)
    state = evidence.blocks()
    assert (state.left_ms, state.length_ms, state.rho_s, state.stated) == (1_000, 2_000, 1.0, False)
    stated = fed(Blocks(RULE, BOUND, stated=4.0), [PaneCounts(1, 9, 100, 900)]).blocks()
    assert (stated.left_ms, stated.length_ms, stated.rho_s, stated.phi, stated.stated) == (7_000, 8_000, 4.0, 4.0, True)


def test_merged_panes_are_shown_with_all_of_their_time() -> None:
    """Thin traffic: counts that waited for the other cohort began before their block."""
    panes: list[PaneCounts | None] = [None, PaneCounts(1, 0, 1, 0), None, None, PaneCounts(0, 0, 0, 1)]
    (first,) = fed(Blocks(RULE, BOUND), panes).blocks().report.largest
    assert (first.start, first.end) == (pane(1, None, None).start, pane(4, None, None).end)


def test_a_cluster_counts_as_one_witness() -> None:
    """Fifty errors within a second count as one; spread over a minute they roll back."""
    clustered: list[PaneCounts | None] = [PaneCounts(0, 1, 100, 900)] * 60
    spread = list(clustered)
    clustered[30] = PaneCounts(50, 1, 100, 900)
    spread[30:55] = [PaneCounts(2, 1, 100, 900)] * 25
    assert max(fed(Blocks(RULE, BOUND), clustered[:n]).get().worse for n in range(1, 61)) < 100.0
    assert fed(Blocks(RULE, BOUND), spread).get().worse > 100.0


def test_a_candidate_that_fails_everything_is_found_at_once() -> None:
    """By the successes that it lost: two seconds."""
    panes: list[PaneCounts | None] = [PaneCounts(100, 9, 100, 900)] * 2
    assert fed(Blocks(RULE, BOUND), panes).get().worse > 100.0


def test_requests_in_turns_are_judged() -> None:
    """No pane has both cohorts; all of the candidate's requests fail."""
    panes: list[PaneCounts | None] = [PaneCounts(1, 0, 1, 0), PaneCounts(0, 0, 0, 1)] * 45
    assert fed(Blocks(RULE, BOUND), panes).get().worse > 100.0


def test_one_half_of_the_users_decides_nothing() -> None:
    """One client fails all the time: the other half of the users is well, so nothing is rolled back."""
    cells = [halved({"5xx": 4, "2xx": 46}, {"2xx": 50})] * 120
    panes: list[PaneCounts | None] = [PaneCounts(4, 9, 100, 900)] * 120
    assert fed(Blocks(RULE, BOUND, ("5xx",)), panes, cells).get().worse < 100.0
    assert fed(Blocks(RULE, BOUND), panes).get().worse > 100.0
    both = [halved({"5xx": 2, "2xx": 48}, {"5xx": 2, "2xx": 48})] * 120
    assert fed(Blocks(RULE, BOUND, ("5xx",)), panes, both).get().worse > 100.0


def test_a_candidate_that_turned_bad_is_not_lately_good() -> None:
    """The stage's evidence is overwhelming, and the last sixth of the bake is bad."""
    panes: list[PaneCounts | None] = [PaneCounts(1, 9, 100, 900)] * 600
    good = fed(Blocks(RULE, BOUND), panes).get()
    late = fed(Blocks(RULE, BOUND), [*panes[:-10], *[PaneCounts(4, 9, 100, 900)] * 10]).get()
    assert (good.good > 20.0, good.lately_good) == (True, True)
    assert (late.good > 20.0, late.lately_good) == (True, False)


def test_a_warm_up_is_no_evidence_but_measures_the_baseline() -> None:
    """Nothing is bet; how errors hang together is known afterwards."""
    evidence = Blocks(RULE, BOUND)
    for second in range(300):
        bad = 40 if second // 10 % 2 else 0
        evidence.update(
            CountedPane(pane(second, None, None), PaneUse(warming=True), BaselineCounts(bad, 900, NOTHING), NOTHING)
        )
    found = evidence.get()
    assert found.worse == pytest.approx(1.0)
    assert found.good == 1.0
    assert found.phi > 10.0
    assert not found.lately_good


def test_a_stated_dispersion_replaces_what_is_measured() -> None:
    """Both the length of blocks and phi."""
    panes: list[PaneCounts | None] = [PaneCounts(1, 90 * (second // 10 % 2), 100, 900) for second in range(120)]
    assert fed(Blocks(RULE, BOUND, stated=4.0), panes).get().phi == 4.0


def test_at_full_traffic_the_objective_takes_over() -> None:
    """Evidence goes on from where it was; a pane without an objective or an event is no evidence."""
    evidence = fed(Blocks(RULE, BOUND), [PaneCounts(1, 9, 100, 900)] * 30)
    evidence.enter_stage()
    before = evidence.get()
    for second, alone in enumerate((AloneCounts(50, 100, None), AloneCounts(0, 0, 0.05)), start=30):
        evidence.update(counted(second, None, alone=alone))
    assert evidence.get().worse == pytest.approx(before.worse, rel=0.05)
    assert evidence.get().good == 1.0
    for second in range(32, 60):
        evidence.update(counted(second, None, alone=AloneCounts(50, 100, 0.05)))
    assert evidence.get().worse > 1e3
    assert evidence.get().good < 1.0
    good = Blocks(RULE, BOUND)
    for second in range(60):
        good.update(counted(second, None, alone=AloneCounts(0, 100, 0.05)))
    assert (good.get().good > 20.0, good.get().lately_good) == (True, True)
    held = Blocks(RULE, BOUND)
    held.update(counted(0, None, eligible=False, alone=AloneCounts(0, 100, 0.05)))
    assert held.get().good == 1.0


def alone_panes(errors: list[int], before: list[PaneCounts | None]) -> Blocks:
    """The evidence of a candidate that gets all the traffic after these panes, against an objective of 2%."""
    evidence = fed(Blocks(RULE, BOUND), before)
    for second, bad in enumerate(errors, start=len(before)):
        evidence.update(counted(second, None, alone=AloneCounts(bad, 200, 0.02)))
    return evidence


def test_a_storm_of_a_candidate_alone_is_one_witness() -> None:
    """A fifth of the requests fails for four seconds, every minute: a fiftieth on average, which is allowed."""
    storms = [40 if second % 60 < 4 else 1 for second in range(600)]
    assert max(alone_panes(storms[:panes], []).get().worse for panes in range(60, 600, 60)) < 100.0
    assert alone_panes([8] * 600, []).get().worse > 100.0


def test_the_candidate_lengthens_its_own_blocks_to_a_bound() -> None:
    """Where it fails in turns of half a minute; without a baseline before, or with one whose errors did the same."""
    turns = [9 * (second // 30 % 2) for second in range(300)]
    own = alone_panes(turns, [])
    assert own.blocks().rho_s == 4.0
    before: list[PaneCounts | None] = [PaneCounts(1, 9 * bad, 100, 900) for bad in turns]
    assert alone_panes(turns, before).blocks().rho_s > 10.0
    assert alone_panes([], before).blocks().rho_s > 10.0


def test_where_the_baseline_is_zero_the_candidate_is_asked_alone() -> None:
    """For an advance only."""
    evidence = Blocks(RULE, AdvanceBound(1.0, MarginRange(0.0, 0.0)))
    evidence.update(counted(0, None, good_alone=AloneCounts(0, 0, 0.05)))
    for second in range(60):
        evidence.update(counted(second, None, good_alone=AloneCounts(0, 100, 0.05)))
    assert evidence.get().worse == pytest.approx(1.0)
    assert (evidence.get().good > 20.0, evidence.get().lately_good) == (True, True)
    for second in range(60, 70):
        evidence.update(counted(second, None, good_alone=AloneCounts(8, 100, 0.05)))
    assert (evidence.get().good > 20.0, evidence.get().lately_good) == (True, False)


def test_what_is_usual_waits_with_its_pane() -> None:
    """Of a quantile: 5% of the baseline's values are beyond its own threshold, and 3% beyond the candidate's."""
    evidence = Blocks(RULE, AdvanceBound(1.0, MarginRange(0.0, 0.0)))

    def after(bad: int) -> bool:
        for second in range(10):
            evidence.update(counted(second, PaneCounts(bad, 0, 100, 0), usual=0))
            evidence.update(counted(second, PaneCounts(0, 45, 0, 900), usual=27))
        return evidence.get().lately_good

    assert [after(bad) for bad in (3, 5, 4)] == [True, False, True]


def test_a_candidate_alone_that_turned_bad_is_not_lately_good() -> None:
    """Within its objective on the whole, and beyond it lately."""
    errors = [1] * 300
    assert alone_panes(errors, []).get().lately_good
    assert not alone_panes([*errors, *[5] * 10], []).get().lately_good


def test_a_dump_goes_on_bit_for_bit() -> None:
    """Through JSON, at any pane."""
    rng, known = np.random.default_rng(2), Blocks(RULE, BOUND, ("5xx",))
    for second in range(80):
        other = Blocks(RULE, BOUND, ("5xx",))
        other.load(json.loads(json.dumps(known.dump())))
        bad, odd = int(rng.integers(0, 4)), int(rng.integers(0, 4))
        cell = halved({"5xx": bad, "2xx": 20}, {"5xx": odd, "2xx": 20})
        counts = PaneCounts(bad + odd, int(rng.integers(0, 4)), cell.requests, int(rng.integers(0, 2)) * 40)
        for each in (known, other):
            if second < 60:
                each.update(counted(second, counts, cell=cell))
            else:
                each.update(counted(second, None, cell=cell, alone=AloneCounts(bad, 40, 0.05)))
        assert other.dump() == known.dump()
        assert other.get() == known.get()
