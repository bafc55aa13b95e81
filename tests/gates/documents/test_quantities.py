"""Durations, shares and numbers: what is read, what is refused, and that printing reads back."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.documents.quantities import (
    LONGEST_MS,
    SMALLEST_SHARE,
    format_duration,
    format_share,
    parse_duration,
    parse_number,
    parse_share,
    shown,
)

NO_QUANTITY: list[object] = [None, True, False, math.nan, math.inf, -math.inf, [], {}, b"5m", "", "many", 10**400]


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("500ms", 500),
        ("30s", 30_000),
        ("5m", 300_000),
        ("300s", 300_000),
        ("1h", 3_600_000),
        ("1h30m", 5_400_000),
        ("2d", 172_800_000),
        (" 1s500ms ", 1_500),
        ("0s", 0),
    ],
)
def test_durations_are_whole_milliseconds(text: str, ms: int) -> None:
    """A duration is whole numbers with units, from large to small."""
    assert parse_duration(text) == ms


@pytest.mark.parametrize(
    "value", [*NO_QUANTITY, 1.5, -5, "5", "-5m", "1.5s", "30m1h", "5m5m", "5 m", "m", "٣s", "9" * 5000 + "s", "367d"]
)
def test_what_is_no_duration_is_refused(value: object) -> None:
    """Numbers without units, fractions, disorder, other digits and endless texts are no durations."""
    with pytest.raises(ValueError, match=r"write (whole numbers|at most|.*ms for)"):
        parse_duration(value)


def test_a_number_without_a_unit_gets_both_units_offered() -> None:
    """The message for a bare number offers both units it could have meant."""
    with pytest.raises(ValueError, match=r"^300 has no unit; write 300s for seconds or 300ms for milliseconds$"):
        parse_duration(300)


@given(st.integers(0, LONGEST_MS))
def test_durations_print_and_read_back(ms: int) -> None:
    """Printing a duration and reading it gives the same milliseconds."""
    assert parse_duration(format_duration(ms)) == ms


@pytest.mark.parametrize(("ms", "text"), [(300_000, "5m"), (90_000, "1m30s"), (1_500, "1s500ms"), (0, "0s")])
def test_durations_have_one_canonical_form(ms: int, text: str) -> None:
    """A duration prints with the largest units that fit."""
    assert format_duration(ms) == text


def test_negative_durations_do_not_print() -> None:
    """There is no duration below zero."""
    with pytest.raises(ValueError, match="never negative"):
        format_duration(-1)


@pytest.mark.parametrize(
    ("value", "share"),
    [("1%", 0.01), ("0.5 %", 0.005), (0.01, 0.01), ("100%", 1.0), (1, 1.0), (0, 0.0), ("0%", 0.0), (-0.0, 0.0)],
)
def test_shares_are_fractions(value: object, share: float) -> None:
    """A share is a percentage, or a number from 0 to 1, and becomes exactly the nearest fraction."""
    assert parse_share(value) == share


@pytest.mark.parametrize("value", [*NO_QUANTITY, 5, -0.1, "101%", "-1%", "0.05", "5", "5 percent", 1e-12, "1e-5%"])
def test_what_is_no_share_is_refused(value: object) -> None:
    """Numbers above one, negative ones and texts without a percent sign are no shares."""
    with pytest.raises(ValueError, match="share"):
        parse_share(value)


def test_a_bare_number_above_one_gets_both_ways_to_write_it_offered() -> None:
    """The message for `5` offers the percentage and the fraction."""
    with pytest.raises(ValueError, match=r"^5 is not a share; write 5% or 0\.05$"):
        parse_share(5)


@given(st.floats(SMALLEST_SHARE, 1.0) | st.just(0.0))
def test_shares_print_and_read_back_to_the_bit(share: float) -> None:
    """Printing a share and reading it gives the very same float."""
    assert parse_share(format_share(share)) == share


@pytest.mark.parametrize(("share", "text"), [(0.01, "1%"), (0.125, "12.5%"), (1.0, "100%"), (0.0, "0%"), (0.1, "10%")])
def test_shares_have_one_canonical_form(share: float, text: str) -> None:
    """A share prints as the shortest percentage."""
    assert format_share(share) == text


@pytest.mark.parametrize("value", [*NO_QUANTITY, "1.25"])
def test_what_is_no_finite_number_is_refused(value: object) -> None:
    """Booleans, texts, NaN, infinities and numbers too large for a float are no numbers."""
    with pytest.raises(ValueError, match="number"):
        parse_number(value)


def test_numbers_are_floats() -> None:
    """Whole numbers and fractions both become floats."""
    assert (parse_number(2), parse_number(1.25)) == (2.0, 1.25)


@pytest.mark.parametrize("value", [*NO_QUANTITY, "x" * 1000, "\x1b[31m", (1, 2), "\ud800"])
def test_values_are_shown_short_and_harmless(value: object) -> None:
    """Whatever was given stands in a message as a short text of printable characters."""
    text = shown(value)
    assert text.isprintable()
    assert 0 < len(text) <= 64
