"""`sluicegate keys generate`: files that only their owner reads, and what to set."""

import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from connectors.kafka.clients import KafkaSettings
from connectors.signing.keys import keyring
from streams.cli.keys import keys
from streams.cli.settings import settings


@pytest.mark.parametrize("algorithm", ["ed25519", "hmac"])
def test_what_it_writes_signs_and_verifies(algorithm: str, tmp_path: Path) -> None:
    """The key that signs has mode 0600; both are usable as they are; no secret is printed."""
    words = ["generate", "--algorithm", algorithm, "--id", "gate-1", "--role", "gate", "--dir", str(tmp_path)]
    done = CliRunner().invoke(keys, words)
    assert done.exit_code == 0
    secret = tmp_path / "gate-1.key"
    public = tmp_path / ("gate-1.pub" if algorithm == "ed25519" else "gate-1.key")
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert f"SLUICEGATE_SIGNING_KEY_FILE={secret}\n" in done.output
    assert f"cat {public} >> verify.keys\n" in done.output
    assert '"d"' not in public.read_text()
    assert secret.read_text().strip() not in done.output
    found = keyring(KafkaSettings(signing_key_file=secret, verify_keys_file=public), "gate")
    found.verify("gate", "gate-decisions", b"{}", found.sign("gate-decisions", b"{}"), 0)
    again = CliRunner().invoke(keys, words)
    assert (again.exit_code, "cannot be written" in again.output) == (2, True)


@pytest.mark.parametrize("wrong", ["../x", ".hidden", "-x", "a b", "x" * 65])
def test_ids_that_cannot_be(wrong: str, tmp_path: Path) -> None:
    """An id names a file."""
    done = CliRunner().invoke(keys, ["generate", f"--id={wrong}", "--dir", str(tmp_path)])
    assert done.exit_code == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", [["--json"], []])
def test_settings_show_no_key(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """`sluicegate settings` shows that there is one, and not its value."""
    monkeypatch.setenv("SLUICEGATE_SIGNING_KEY", "very-secret")
    done = CliRunner().invoke(settings, words)
    assert done.exit_code == 0
    assert "SLUICEGATE_SIGNING_KEY" in done.output
    assert "very-secret" not in done.output
