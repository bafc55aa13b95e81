"""`sluicegate settings`: every variable, its value and where it comes from."""

import json

import pytest
from click.testing import CliRunner

from streams.cli.settings import settings
from streams.runtime.settings import Settings


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset what this machine has set, and set one variable."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"SLUICEGATE_{name.upper()}", raising=False)
    monkeypatch.setenv("SLUICEGATE_WEB_PORT", "7070")


def test_json_has_every_variable() -> None:
    """`--json` gives each variable with value, default, whether it is set, and what it is for."""
    result = CliRunner().invoke(settings, ["--json"])
    found = json.loads(result.stdout)
    assert set(found) == {f"SLUICEGATE_{name.upper()}" for name in Settings.model_fields}
    assert found["SLUICEGATE_WEB_PORT"] == {
        "value": 7070,
        "default": 6066,
        "set": True,
        "description": "port that /metrics, /healthz and /readyz listen on",
    }
    assert [name for name, row in found.items() if row["set"]] == ["SLUICEGATE_WEB_PORT"]
    assert all(row["description"] for row in found.values())
    assert found["SLUICEGATE_WORKER_ID"]["default"] is None


def test_the_table_names_every_variable() -> None:
    """The table has a row for each, whole even where it is narrow, and the number of those that are set."""
    result = CliRunner().invoke(settings, env={"COLUMNS": "80"})
    assert result.exit_code == 0
    for name in Settings.model_fields:
        assert f"SLUICEGATE_{name.upper()} " in result.stdout
    assert "default: 6066" in result.stdout
    assert result.stderr == f"1 of {len(Settings.model_fields)} are set in the environment\n"
