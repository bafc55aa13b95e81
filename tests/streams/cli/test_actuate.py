"""`sluicegate actuate`: what is checked before it serves."""

import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from streams.cli.actuate import actuate
from streams.runtime.health import Health


def test_each_actuator_is_a_command() -> None:
    """With the flags that all share."""
    assert set(actuate.commands) == {"log", "file"}
    for command in actuate.commands.values():
        flags = {name for parameter in command.params for name in parameter.opts}
        assert {"--rollout", "--name", "--metrics-port", "--bootstrap", "--topic-prefix", "--watchdog-ms"} <= flags


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


def test_a_port_that_is_taken_is_wrong_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, before anything is carried out."""
    monkeypatch.setattr("streams.cli.actuate.check_credentials", lambda _: None)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = CliRunner().invoke(actuate, ["log", "--metrics-port", str(taken.getsockname()[1])])
    assert done.exit_code == 2
    advice = "in use, perhaps by another actuator: give each actuator on a machine a port of its own (--metrics-port)"
    assert advice in " ".join(done.output.split())


def test_what_a_command_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a watchdog until it ends, a pulse, and what to do about deviations."""
    monkeypatch.setattr("streams.cli.actuate.check_credentials", lambda _: None)
    watched: list[float] = []
    over = threading.Event()
    served: dict[str, Any] = {}

    def watch(_: Health, limit_s: float) -> threading.Event:
        watched.append(limit_s)
        return over

    monkeypatch.setattr("streams.runtime.watchdog.start_watchdog", watch)
    monkeypatch.setenv("SLUICEGATE_WATCHDOG_MS", "7000")
    monkeypatch.setattr("connectors.actuators.serve", lambda *_, **options: served.update(options))
    path = str(tmp_path / "weights.json")
    done = CliRunner().invoke(actuate, ["file", path, "--on-deviation", "report", "--watchdog-ms", "6000"])
    assert (done.exit_code, watched, over.is_set()) == (0, [6.0], True)
    assert CliRunner().invoke(actuate, ["file", path]).exit_code == 0
    assert watched == [6.0, 7.0]
    done = CliRunner().invoke(actuate, ["file", path, "--on-deviation", "report", "--watchdog-ms", "6000"])
    assert (served["on_deviation"], served["pulse"].name) == ("report", "actuator")
