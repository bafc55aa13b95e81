"""A file on the disk: its lock, what it must be, and what is left after a failure."""

from pathlib import Path

import pytest

from connectors.actuators import target_file
from connectors.actuators.target_file import Entry, check_writable, locked, read, replace
from connectors.actuators.wanted import Token, decode
from tests.connectors.actuators.contract import decided


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Entries by rollout."""
    entry = Entry.of(decode(decided(3, 10)))
    replace(tmp_path / "weights.json", {"checkout-v2": entry})
    assert read(tmp_path / "weights.json") == {"checkout-v2": entry}
    assert entry.token == Token(1, 3)


@pytest.mark.parametrize("content", ["[1]", '{"a": {}}', "{", "[" * 100_000])
def test_other_content_is_refused(tmp_path: Path, content: str) -> None:
    """However strange."""
    (tmp_path / "other").write_text(content)
    with pytest.raises(ValueError, match="other is not a file of wanted weights"):
        read(tmp_path / "other")


def test_the_folder_must_accept_files(tmp_path: Path) -> None:
    """That is tried, since permissions alone do not show it; nothing is left."""
    check_writable(tmp_path / "weights.json")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FileNotFoundError, match="no such folder"):
        check_writable(tmp_path / "none" / "weights.json")


def test_a_lock_that_is_not_released(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time the apply has failed, and is tried again."""
    monkeypatch.setattr(target_file, "LOCK_S", 0.05)
    with locked(tmp_path), pytest.raises(TimeoutError, match="another process has held the lock"), locked(tmp_path):
        pass


def test_a_folder_that_cannot_be_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Some network file systems cannot: a warning."""

    def refused(_handle: int, _how: int) -> None:
        raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr("fcntl.flock", refused)
    with locked(tmp_path):
        assert "only one process may write files in it" in caplog.text
