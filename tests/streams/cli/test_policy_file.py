"""Reading the policy file that a command is given."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from connectors.policy_files import LARGEST_BYTES
from streams.cli.failures import FAILED, WRONG_USE, Failure
from streams.cli.policy_file import load_policy, read_policy_bytes
from tests.paths import CHECKOUT_POLICY


def test_a_policy_is_read() -> None:
    """From a file."""
    assert load_policy(str(CHECKOUT_POLICY)).rollout == "checkout-v2"


def test_a_policy_is_read_from_standard_input() -> None:
    """By the name `-`."""

    @click.command()
    def show() -> None:
        click.echo(load_policy("-").rollout)

    assert CliRunner().invoke(show, input=CHECKOUT_POLICY.read_bytes()).output == "checkout-v2\n"


def test_a_missing_file_is_wrong_use(tmp_path: Path) -> None:
    """The line names it."""
    with pytest.raises(Failure, match=r"none\.yaml: cannot be read: No such file") as error:
        load_policy(str(tmp_path / "none.yaml"))
    assert error.value.exit_code == WRONG_USE


def test_a_policy_with_faults_is_a_bad_answer(tmp_path: Path) -> None:
    """Each fault has its line."""
    file = tmp_path / "bad.yaml"
    file.write_text("rollout: a/b\n")
    with pytest.raises(Failure, match=r"bad\.yaml is not a valid policy:\n") as error:
        load_policy(str(file))
    assert error.value.exit_code == FAILED


def test_an_endless_file_is_not_read_to_its_end() -> None:
    """One byte more than allowed is enough to refuse it."""
    assert len(read_policy_bytes("/dev/zero")) == LARGEST_BYTES + 1
