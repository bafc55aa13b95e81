"""Rates on the command line: what is no number of requests a second is refused as such."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from streams.cli.plan import plan
from streams.cli.rates import Rate
from streams.cli.simulate import simulate
from streams.cli.validate import validate
from tests.paths import CHECKOUT_POLICY

EXAMPLE = str(CHECKOUT_POLICY)
COMMANDS = {
    "validate": (validate, [EXAMPLE]),
    "plan": (plan, ["--policy", EXAMPLE]),
    "simulate": (simulate, ["--policy", EXAMPLE, "--scenario", "healthy", "--runs", "1"]),
}


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("wrong", ["nan", "inf", "-inf", "0", "-3", "many"])
def test_what_is_no_rate_is_refused(name: str, wrong: str) -> None:
    """With the exit code of wrong use, and the option's name; NaN is no exception."""
    command, arguments = COMMANDS[name]
    said = CliRunner().invoke(command, [*arguments, "--rps", wrong])
    assert said.exit_code == 2
    assert "--rps" in said.output


def test_a_rate_may_have_bounds() -> None:
    """Both ends are included where they are given."""
    rate = Rate(0.5, 2)
    assert [rate.convert(value, None, None) for value in ("0.5", "2")] == [0.5, 2.0]
    for value in ("0.4", "2.1"):
        with pytest.raises(click.BadParameter):
            rate.convert(value, None, None)
