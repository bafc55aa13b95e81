"""Figures as text."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates import text
from gates.text import e_value, rate, significant_text, silence


def test_examples() -> None:
    """The examples in the documentation run."""
    assert doctest.testmod(text).failed == 0


@given(st.floats(1e-9, 1e12), st.integers(1, 4))
def test_a_figure_is_near_its_value_and_has_no_exponent(value: float, digits: int) -> None:
    """To the relative precision of its significant digits."""
    written = significant_text(value, digits)
    assert "e" not in written
    assert float(written.replace(",", "")) == pytest.approx(value, rel=0.51 * 10.0 ** (1 - digits), abs=1e-12)


@pytest.mark.parametrize(("value", "written"), [(0.0009, "under 0.001"), (0.001, "0.001"), (1e6, "1,000,000")])
def test_e_values_at_their_ends(value: float, written: str) -> None:
    """Outside of what matters only the side is given."""
    assert e_value(value) == written


def test_a_rate_without_requests_is_no_rate() -> None:
    """Nothing is divided by zero, and no zero stands for a missing figure."""
    assert rate("canary", 0, 0) == "canary without requests"


def test_one_silent_cohort_has_a_singular_verb() -> None:
    """Both have the plural, as the example shows."""
    assert silence(("canary",), 5_000) == "canary has had no requests for 5s"
