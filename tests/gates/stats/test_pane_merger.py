"""Thin traffic: panes wait until both cohorts have events, whatever their outcome."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from gates.stats.pane_counts import PaneCounts
from gates.stats.pane_merger import LONGEST_MS, Merged, PaneMerger

counts = st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 3), st.integers(0, 3)).map(
    lambda each: PaneCounts(min(each[0], each[2]), min(each[1], each[3]), each[2], each[3])
)


def merged(given_counts: list[PaneCounts | None]) -> list[Merged | None]:
    """What comes of panes of a second each."""
    merger = PaneMerger()
    return [merger.merge(second * 1_000, second * 1_000 + 1_000, each) for second, each in enumerate(given_counts)]


def test_requests_in_turns_are_compared_every_other_second() -> None:
    """At one request a second in turns no pane has both cohorts."""
    found = merged([PaneCounts(1, 0, 1, 0), PaneCounts(0, 0, 0, 1)] * 3)
    one = [None, Merged(PaneCounts(1, 0, 1, 1), {}, 0)]
    assert found == [
        None if each is None else each._replace(start=start) for start in (0, 2_000, 4_000) for each in one
    ]


@given(st.lists(counts, max_size=40))
def test_nothing_is_lost_or_counted_twice(given_counts: list[PaneCounts]) -> None:
    """Within the time that counts may wait."""
    total, waited = PaneCounts(0, 0, 0, 0), PaneCounts(0, 0, 0, 0)
    for each, found in zip(given_counts, merged(list(given_counts)), strict=True):
        waited = waited.plus(each)
        if found is not None:
            assert found.counts.compared
            total, waited = total.plus(found.counts), PaneCounts(0, 0, 0, 0)
            assert each.candidate_events or each.baseline_events
    assert not waited.compared


@given(st.lists(counts, max_size=40), st.integers(0, 3))
def test_outcomes_decide_nothing(given_counts: list[PaneCounts], bad: int) -> None:
    """The same panes are merged whatever failed, or the factors would not be e-values."""
    others = [each._replace(candidate_bad=min(bad, each.candidate_events), baseline_bad=0) for each in given_counts]
    one, other = merged(list(given_counts)), merged(list(others))
    assert [each is None for each in one] == [each is None for each in other]


def test_counts_that_waited_too_long_are_dropped() -> None:
    """A minute later the other cohort may be in another world."""
    merger, last = PaneMerger(), LONGEST_MS // 1_000
    assert merger.merge(0, 1_000, PaneCounts(3, 0, 3, 0)) is None
    assert merger.merge(last * 1_000, last * 1_000 + 1_000, PaneCounts(0, 0, 1, 1)) == Merged(
        PaneCounts(0, 0, 1, 1), {}, last * 1_000
    )
    assert merger.dropped == 3


def test_parts_wait_with_their_pane() -> None:
    """The candidate's parts are those of all the panes that were merged."""
    merger = PaneMerger()
    merger.merge(0, 1_000, PaneCounts(1, 0, 3, 0), {"a": (1, 2), "b": (0, 1)})
    restored = PaneMerger()
    restored.load(json.loads(json.dumps(merger.dump())))
    for each in (merger, restored):
        assert each.merge(1_000, 2_000, PaneCounts(0, 0, 1, 2), {"a": (0, 1)}) == Merged(
            PaneCounts(1, 0, 4, 2), {"a": (1, 3), "b": (0, 1)}, 0
        )


def test_an_empty_pane_waits_for_nothing() -> None:
    """Nor does a pane that was not counted."""
    assert merged([None, PaneCounts(0, 0, 0, 0), PaneCounts(0, 1, 1, 1)])[:2] == [None, None]
