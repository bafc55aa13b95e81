"""`sluicegate demo`, as far as it needs no process; tests/e2e runs it."""

import importlib.util

import pytest
from click.testing import CliRunner

from streams.cli.demo import demo


def test_without_the_extra_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is started, and one line has the command that installs it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    ended = CliRunner().invoke(demo)
    assert ended.exit_code == 1
    assert "pip install 'sluicegate[demo]'" in ended.output
