"""Settings of a command: flags before variables, faults in one line."""

import re
from pathlib import Path

import pytest

from connectors.kafka.clients import KafkaSettings
from streams.cli.configuration import checked_keys, kafka_settings, settings_from
from streams.cli.failures import WRONG_USE, Failure
from streams.runtime.settings import Settings


def test_a_flag_overrides_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flag that was not given does not."""
    monkeypatch.setenv("SLUICEGATE_BOOTSTRAP", "kafka-a:9092")
    monkeypatch.setenv("SLUICEGATE_TOPIC_PREFIX", "team.")
    settings = kafka_settings({"bootstrap": "kafka-b:9092", "topic_prefix": None})
    assert (settings.bootstrap, settings.topics.journal) == ("kafka-b:9092", "team.gate-journal")


@pytest.mark.parametrize(
    ("flags", "variable", "line"),
    [
        ({"web_port": "x"}, None, "--web-port: Input should be a valid integer"),
        ({}, ("SLUICEGATE_WEB_PORT", "x"), "SLUICEGATE_WEB_PORT: Input should be a valid integer"),
        (
            {},
            ("SLUICEGATE_ROLES", "ingest"),
            "SLUICEGATE_ROLES: is not a JSON list; `sluicegate settings` shows the form",
        ),
        ({"topic_prefix": "a b"}, None, "--topic-prefix: 'a b': write letters"),
    ],
)
def test_a_fault_names_its_source(
    flags: dict[str, object], variable: tuple[str, str] | None, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The flag or the variable that has the invalid value, in one line."""
    if variable is not None:
        monkeypatch.setenv(*variable)
    with pytest.raises(Failure) as error:
        settings_from(Settings, flags)
    assert error.value.exit_code == WRONG_USE
    assert error.value.message.startswith(line)
    assert "\n" not in error.value.message


def test_all_faults_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of types, of a list that is not JSON, of words, and of rules."""
    given = {"WATCHDOG_MS": "abc", "ROLES": "ingest", "TOPIC_PREFIX": "a b", "LOG_LEVEL": "loud", "SASL_USERNAME": "u"}
    for name, value in given.items():
        monkeypatch.setenv(f"SLUICEGATE_{name}", value)
    with pytest.raises(Failure) as error:
        settings_from(Settings, {})
    assert {*re.findall(r"SLUICEGATE_(\w+):", error.value.message)} == {*given}


def test_keys_that_cannot_be_used_are_wrong_use(tmp_path: Path) -> None:
    """The message names the setting, and has nothing of the key."""
    file = tmp_path / "gate.key"
    file.write_text("secret")
    with pytest.raises(Failure, match="SLUICEGATE_SIGNING_KEY_FILE") as error:
        checked_keys(KafkaSettings(signing_key_file=file), "gate")
    assert error.value.exit_code == WRONG_USE
    assert "secret" not in error.value.message
