"""`sluicegate actuate`: what is checked before it serves."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from streams.cli.actuate import actuate


def test_each_actuator_is_a_command() -> None:
    """With the flags that all share."""
    assert set(actuate.commands) == {"log", "file"}
    for command in actuate.commands.values():
        flags = {name for parameter in command.params for name in parameter.opts}
        assert {"--rollout", "--name", "--metrics-port", "--bootstrap", "--topic-prefix"} <= flags


def test_a_file_with_other_content_is_not_overwritten(tmp_path: Path) -> None:
    """It is wrong use, and the file stays as it was."""
    path = tmp_path / "weights.json"
    path.write_text("[1, 2]")
    done = CliRunner().invoke(actuate, ["file", str(path)])
    assert done.exit_code == 2
    assert done.output.startswith("sluicegate: ")
    assert path.read_text() == "[1, 2]"


def test_keys_are_checked_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key file that cannot be read is reported at once: a later refusal of every ack would be harder to explain."""
    monkeypatch.setenv("SLUICEGATE_SIGNING_KEY_FILE", str(tmp_path / "missing.key"))
    done = CliRunner().invoke(actuate, ["log"])
    assert done.exit_code == 2
    assert "missing.key" in done.output
