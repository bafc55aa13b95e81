"""Variables without an effect: each is reported once, with what was probably meant."""

from __future__ import annotations

import os

import click
import pytest
from click.testing import CliRunner

from streams.cli.settings import settings
from streams.cli.unknown_variables import unknown_variables, warn_of_unknown
from streams.runtime.settings import Settings


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset what this machine has set."""
    for name in [name for name in os.environ if name.startswith("SLUICEGATE_")]:
        monkeypatch.delenv(name)


def test_a_misspelt_variable() -> None:
    """The similar one is named, or the command that lists all."""
    assert [*unknown_variables({"SLUICEGATE_WATCHDOGMS": "9", "SLUICEGATE_COLOUR": "red", "PATH": "/bin"})] == [
        "the variable SLUICEGATE_COLOUR has no effect; `sluicegate settings` lists those that have one",
        "the variable SLUICEGATE_WATCHDOGMS has no effect; did you mean SLUICEGATE_WATCHDOG_MS?",
    ]


def test_what_is_known() -> None:
    """Every setting, in any case; what tests set; what Kubernetes sets for a Service of the same name."""
    names = [f"SLUICEGATE_{name.upper()}" for name in Settings.model_fields]
    names += ["sluicegate_bootstrap", "SLUICEGATE_FAULT", "SLUICEGATE_SEED"]
    names += ["SLUICEGATE_SERVICE_HOST", "SLUICEGATE_SERVICE_PORT_HTTP", "SLUICEGATE_PORT", "SLUICEGATE_PORT_6066_TCP"]
    assert [*unknown_variables(dict.fromkeys(names, "1"))] == []


def test_a_command_warns(monkeypatch: pytest.MonkeyPatch) -> None:
    """On standard error, also where the settings have faults."""
    monkeypatch.setenv("SLUICEGATE_WEB_PROT", "7070")
    warning = "sluicegate: the variable SLUICEGATE_WEB_PROT has no effect; did you mean SLUICEGATE_WEB_PORT?\n"
    assert CliRunner().invoke(settings, ["--json"]).stderr.startswith(warning)
    monkeypatch.setenv("SLUICEGATE_WATCHDOG_MS", "abc")
    failed = CliRunner().invoke(settings, standalone_mode=False)
    assert failed.stderr == warning
    assert str(failed.exception).startswith("SLUICEGATE_WATCHDOG_MS: ")


def test_a_command_warns_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it reads settings."""
    monkeypatch.setenv("SLUICEGATE_WEB_PROT", "7070")

    @click.command()
    def twice() -> None:
        warn_of_unknown()
        warn_of_unknown()

    assert CliRunner().invoke(twice).stderr.count("SLUICEGATE_WEB_PROT") == 1


def test_without_a_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A program that uses the settings of commands is warned too."""
    monkeypatch.setenv("SLUICEGATE_WEB_PROT", "7070")
    warn_of_unknown()
    assert "SLUICEGATE_WEB_PROT" in capsys.readouterr().err
