"""Types of parameters: invalid values are refused with exit code 2 and the name of the option."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from streams.cli.parameters import DurationParameter, RateParameter, ShareParameter, TimeParameter
from streams.cli.plan import plan
from streams.cli.simulate import simulate
from streams.cli.validate import validate

EXAMPLE = str(Path(__file__).parents[3] / "examples" / "policies" / "checkout-v2.yaml")
COMMANDS = {
    "validate": (validate, [EXAMPLE]),
    "plan": (plan, ["--policy", EXAMPLE]),
    "simulate": (simulate, ["--policy", EXAMPLE, "--scenario", "healthy", "--runs", "1"]),
}


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("wrong", ["nan", "inf", "-inf", "0", "-3", "many"])
def test_an_invalid_rate_is_refused(name: str, wrong: str) -> None:
    """Not a number, not finite, or not above zero."""
    command, arguments = COMMANDS[name]
    result = CliRunner().invoke(command, [*arguments, "--rps", wrong])
    assert result.exit_code == 2
    assert "--rps" in result.output


def test_a_rate_may_have_bounds() -> None:
    """Both ends are included where they are given."""
    rate = RateParameter(0.5, 2)
    assert [rate.convert(value, None, None) for value in ("0.5", "2")] == [0.5, 2.0]
    for value in ("0.4", "2.1"):
        with pytest.raises(click.BadParameter):
            rate.convert(value, None, None)


def test_times_are_rfc3339_or_how_long_ago() -> None:
    """Without a zone it is UTC; a value that was converted before stays."""
    time = TimeParameter()
    assert time.convert("2026-01-01T00:00:00", None, None) == 1_767_225_600_000
    assert time.convert("2026-01-01T01:00:00+01:00", None, None) == 1_767_225_600_000
    assert time.convert(5, None, None) == 5
    hour_ago, two_hours_ago = time.convert("1h", None, None), time.convert("2h", None, None)
    assert hour_ago - two_hours_ago == pytest.approx(3_600_000, abs=5_000)
    with pytest.raises(click.BadParameter, match="is not a time"):
        time.convert("yesterday", None, None)


def test_durations_and_shares_are_written_as_in_policies() -> None:
    """With their units; a value that was converted before stays."""
    assert (DurationParameter().convert("90s", None, None), DurationParameter().convert(7, None, None)) == (90_000, 7)
    assert (ShareParameter().convert("0.1%", None, None), ShareParameter().convert(0.5, None, None)) == (0.001, 0.5)
    for parameter in (DurationParameter(), ShareParameter()):
        with pytest.raises(click.BadParameter):
            parameter.convert("many", None, None)
