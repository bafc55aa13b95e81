"""Progress on standard error: nothing where that is no terminal, and the work is the same."""

from pathlib import Path

import pytest

from streams.cli.progress import activity, counting_bar, reading_bar


def test_nothing_is_printed_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither the activity nor the bar."""
    with activity() as show:
        show("reading")
    with counting_bar("runs", 2) as advance:
        advance()
        advance()
    assert capsys.readouterr() == ("", "")


def test_the_bar_passes_on_every_line(tmp_path: Path) -> None:
    """Unchanged, to the end."""
    file = tmp_path / "events.ndjson"
    lines = [b"%d\n" % number for number in range(5_000)]
    file.write_bytes(b"".join(lines))
    with file.open("rb") as opened, reading_bar("events", opened) as read:
        assert list(read) == lines
