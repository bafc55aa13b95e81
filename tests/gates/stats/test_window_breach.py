"""When a limit on a window is broken: against windows that are drawn, and at the ends."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest

from gates.stats.window_breach import WindowBreach, at_least

LASTING = 600


def drawn(breach: WindowBreach, runs: int = 400) -> list[float]:
    """The second in which each of `runs` drawn candidates breaks the limit, in windows of whole seconds."""
    rng, found = np.random.default_rng(3), []
    for _ in range(runs):
        events = rng.poisson(breach.rate, LASTING)
        bad = rng.binomial(events, breach.bad)
        length, ends = int(breach.window_s), np.arange(1, LASTING + 1)
        starts = np.maximum(0, ends - length)
        summed = [np.concatenate([[0], np.cumsum(each)]) for each in (events, bad)]
        in_window, bad_in_window = (each[ends] - each[starts] for each in summed)
        broken = np.nonzero((bad_in_window > breach.share * in_window) & (bad_in_window >= breach.min_events))[0]
        found.append(float(broken[0] + 1) if len(broken) else inf)
    return found


@pytest.mark.parametrize(
    ("rate", "bad", "share"),
    [(10.0, 1.0, 0.05), (10.0, 0.1, 0.05), (100.0, 0.06, 0.05), (100.0, 0.02, 0.001), (1.0, 0.7, 0.05)],
)
def test_the_median_of_what_is_beyond_the_limit(rate: float, bad: float, share: float) -> None:
    """Within a fifth, or a second."""
    breach = WindowBreach(share, 30.0, 20, rate, bad)
    found = float(np.median(drawn(breach)))
    assert breach.time(0.5) == pytest.approx(found, rel=0.2, abs=1.0)


@pytest.mark.parametrize(
    ("rate", "bad", "share", "window_s"),
    [
        (100.0, 0.04, 0.05, 30.0),
        (10.0, 0.04, 0.05, 30.0),
        (10.0, 0.02, 0.05, 30.0),
        (10.0, 0.03, 0.05, 300.0),
        (500.0, 0.017, 0.02, 60.0),
        (10.0, 0.4, 0.5, 30.0),
    ],
)
def test_the_chance_of_what_is_within_the_limit(rate: float, bad: float, share: float, window_s: float) -> None:
    """Within twelve percentage points: whether a limit is too close is all that matters."""
    breach = WindowBreach(share, window_s, 20, rate, bad)
    found = float(np.mean(np.isfinite(drawn(breach))))
    assert breach.chance(LASTING) == pytest.approx(found, abs=0.12)


def test_the_chance_only_grows() -> None:
    """With time, and with the share of bad events."""
    times = (1.0, 5.0, 29.0, 31.0, 100.0, 10_000.0)
    for less, more in ((0.03, 0.05), (0.05, 0.051), (0.051, 0.5)):
        first, second = (
            [WindowBreach(0.05, 30.0, 20, 50.0, bad).chance(seconds) for seconds in times] for bad in (less, more)
        )
        assert first == sorted(first)
        assert all(one <= other for one, other in zip(first, second, strict=True))


def test_what_was_in_the_window_delays() -> None:
    """A window full of good requests hides a regression until enough of it have left."""
    plain = WindowBreach(0.05, 30.0, 20, 100.0, 0.06)
    delayed = WindowBreach(0.05, 30.0, 20, 100.0, 0.06, before=100.0, bad_before=0.01)
    assert delayed.time(0.5) == pytest.approx(24.0, abs=0.01)  # 100 (1/20 - 1/100) of 100 (1/20 - 1/100 + 1/100)
    assert plain.time(0.5) < 4.0
    assert WindowBreach(0.05, 30.0, 20, 100.0, 0.04, before=100.0).time(0.5) < inf


def test_what_never_breaks() -> None:
    """Without bad events, or without enough of them ever."""
    assert WindowBreach(0.05, 30.0, 20, 100.0, 0.0).time(0.5) == inf
    assert WindowBreach(0.05, 30.0, 20, 0.001, 1.0).time(0.5) == inf
    assert WindowBreach(0.0, 30.0, 20, 10.0, 1.0).time(0.5) == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize(
    ("number", "mean", "expected"), [(0, 5.0, 1.0), (1, 0.0, 0.0), (3, 2.0, 0.323324), (3, 9.0, 0.993768)]
)
def test_the_tail_of_the_poisson_distribution(number: int, mean: float, expected: float) -> None:
    """Figures of a table."""
    assert at_least(number, mean) == pytest.approx(expected, abs=1e-6)
