"""How many emitters usually report: like with like, bounded, and forgotten in time."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from gates.panes import MOST_EMITTERS
from gates.slis.usual_emitters import PAST_MS, UsualEmitters

MINUTE = 60_000


def fed(counts: list[int], window_ms: int = MINUTE) -> UsualEmitters:
    """Each number of emitters for one whole window, in panes of ten seconds."""
    known = UsualEmitters(window_ms)
    for index, number in enumerate(counts):
        for start in range(index * window_ms, (index + 1) * window_ms, 10_000):
            known.observe(start, range(number))
    return known


def test_nothing_is_usual_before_a_whole_window_has_passed() -> None:
    """A window closes with the first pane after it, and counts once the sliding one begins at its end."""
    known = fed([3])
    assert known.number(before=MINUTE) is None
    known.observe(MINUTE, ())
    assert (known.number(before=MINUTE), known.number(before=MINUTE - 1)) == (3, None)


def test_emitters_that_live_for_a_minute_are_not_missed_later() -> None:
    """Each window has four new ones: four are usual, and not the forty of ten minutes."""
    known = UsualEmitters(MINUTE)
    for index in range(11):
        known.observe(index * MINUTE, range(4 * index, 4 * index + 4))
    assert known.number(before=10 * MINUTE) == 4


def test_a_restart_of_all_changes_nothing() -> None:
    """Two windows have both generations; the median has one."""
    assert fed([4, 4, 4, 4, 8, 8, 4, 4, 4, 4, 4, 4]).number(before=10 * MINUTE) == 4


def test_a_scale_down_is_followed_within_ten_minutes() -> None:
    """By half of the windows, and by all of them at the end."""
    counts = [10] * 10 + [4] * 12
    assert [fed(counts[: at + 2]).number(before=at * MINUTE) for at in (14, 15, 16, 17)] == [10, 10, 4, 4]


def test_silence_does_not_make_silence_usual() -> None:
    """Windows without any emitter do not count; after ten minutes of it nothing is known."""
    assert fed([5, 5, 0, 0, 0, 0, 0, 0, 0]).number(before=8 * MINUTE) == 5
    known = fed([5])
    known.observe(MINUTE + PAST_MS, ())
    assert known.number(before=MINUTE + PAST_MS) is None


def test_the_window_before_a_long_one_counts() -> None:
    """A window of an hour is longer than ten minutes: the one before it is compared."""
    hour = 60 * MINUTE
    assert fed([7, 7, 7], hour).number(before=hour + 30 * MINUTE) == 7


def test_what_was_is_forgotten() -> None:
    """The next pane begins a new window."""
    known = fed([9, 9])
    known.forget()
    known.observe(5 * MINUTE + 7_000, {1})
    known.observe(6 * MINUTE + 7_000, ())
    assert known.number(before=6 * MINUTE + 7_000) == 1


@given(st.lists(st.lists(st.integers(0, 1 << 32), max_size=200), max_size=30), st.integers(1, 4))
def test_it_is_bounded_and_continues_from_its_dump(panes: list[list[int]], length: int) -> None:
    """However many emitters come and go; a dump of a restored one is the same."""
    known = UsualEmitters(length * 1_000)
    for second, emitters in enumerate(panes):
        other = UsualEmitters(length * 1_000)
        other.restore(json.loads(json.dumps(known.dump())))
        for each in (known, other):
            each.observe(second * 1_000, emitters)
        assert other.dump() == known.dump()
        assert other.number(before=second * 1_000) == known.number(before=second * 1_000)
        _, kept, closed = known.dump()
        assert len(kept) <= MOST_EMITTERS
        assert len(closed) <= PAST_MS // 1_000 + 2


def test_of_very_many_the_smallest_are_kept() -> None:
    """As cells do, so that the number stops at the same size."""
    known = UsualEmitters(10_000)
    known.observe(0, range(3 * MOST_EMITTERS))
    assert known.dump()[1] == [*range(MOST_EMITTERS)]
    known.observe(10_000, ())
    assert known.number(before=10_000) == MOST_EMITTERS
