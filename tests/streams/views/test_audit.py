"""The audit log as a report and as rows."""

import msgspec

from streams.audit.verifying import Finding, Verifier
from streams.views.audit import COLUMNS, MOST_SHOWN, csv_row, is_broken, verification_document, verification_lines
from tools.topics_page import examples


def test_an_intact_log() -> None:
    """One line."""
    verifier = Verifier()
    assert list(verification_lines(verifier)) == ["intact: 0 entries; head none yet"]
    assert verification_document(verifier)["broken"] is False


def test_findings_that_break_the_log_come_first() -> None:
    """A fork is a note; long lists are cut."""
    verifier = Verifier()
    verifier.findings = [Finding("fork", "two writers", 3, broken=False), Finding("gap", "entry 4 is missing")]
    assert list(verification_lines(verifier))[:2] == [
        "BROKEN  gap: entry 4 is missing",
        "note  fork at offset 3: two writers",
    ]
    assert is_broken(verifier)
    verifier.findings *= MOST_SHOWN
    assert list(verification_lines(verifier))[MOST_SHOWN] == f"... and {MOST_SHOWN} more; --json lists all"


def test_a_cell_cannot_be_a_formula() -> None:
    """A spreadsheet would run it."""
    entry = msgspec.structs.replace(examples.audit_entry(), reason="=HYPERLINK(1)\n")
    row = dict(zip(COLUMNS, csv_row(entry), strict=True))
    assert row["reason"] == "'=HYPERLINK(1)\ufffd"
    assert row["recorded_at"] == "2026-01-01T00:00:09.100Z"
