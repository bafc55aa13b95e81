"""Growth of the evidence where the baseline has no errors at all."""

import pytest

from gates.stats.power import Traffic, error_growth


@pytest.mark.parametrize("times", [1.5, 5.0, 1e9])
def test_a_multiple_of_no_errors_is_no_evidence(times: float) -> None:
    """A candidate that fails many times as often as never does not fail, so the evidence does not grow."""
    assert error_growth(Traffic(1_000.0, 0.1), 0.0, times, 1.25) == 0.0
