"""The prose check finds words where people read them, and its exceptions are needed."""

from pathlib import Path

import pytest

from tools import check_prose
from tools.check_prose import Exceptions, Rules, counts, search

RULES = Rules(
    {
        "word": [
            {"pattern": "hangs? on", "instead": "depends on"},
            {"pattern": "x\\d+", "instead": "write the comparison"},
        ],
        "identifiers": {"words": ["heard"]},
    }
)
MODULE = r'''
"""What follows hangs
on the weather."""
# it hangs on this
#
heard_at = "x2" + "\x20" + "hex2"
hangs, on = 1, 2
class NotHeard: ...
'''


def test_prose_and_names_are_searched_and_code_is_not() -> None:
    """Comments, strings and parts of names; a phrase may be broken over lines of a string."""
    found = [(each.line, each.word) for each in RULES.in_python("a.py", MODULE)]
    assert found == [(2, "hangs on"), (4, "hangs on"), (6, "heard_at (heard)"), (6, "x2"), (8, "NotHeard (heard)")]


def test_a_page_is_searched_whole() -> None:
    """Markdown is prose from beginning to end."""
    assert sorted(each.line for each in RULES.in_text("a.md", "# x2\n\nhang on\n")) == [1, 3]


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of one page."""
    monkeypatch.setattr(check_prose, "ROOT", tmp_path)
    file = tmp_path / "a.md"
    file.write_text("it hangs on this\nit hangs on that\n")
    return file


def test_exceptions_are_by_file_and_line(page: Path) -> None:
    """The word may stay where the text stands, and nowhere else; what excepts nothing is unused."""
    known = [{"files": "a.*", "text": "this"}, {"files": "b.md", "text": ""}]
    exceptions = Exceptions(known)
    assert [each.line for each in search(RULES, exceptions, [page])] == [2]
    assert exceptions.unused == known[1:]


def test_counts_are_by_folder_and_word(page: Path) -> None:
    """And the last line is the sum."""
    lines = [line.split() for line in counts(search(RULES, Exceptions([]), [page])).splitlines()]
    assert lines == [["2", "."], ["2", "hangs", "on"], ["2", "in", "all"]]
