"""The audit log: the report of its verification, and its entries as rows of a CSV file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from streams.audit.chain import Entry
from streams.audit.verifying import Finding, Verifier
from streams.views.wording import printable, rfc3339

MOST_SHOWN = 50
"""How many findings are printed; JSON has all."""

COLUMNS = (
    "sequence",
    "at",
    "kind",
    "rollout",
    "actor",
    "action",
    "reason",
    "id",
    "topic",
    "partition",
    "offset",
    "sha256",
    "recorded_at",
    "writer",
)


def is_broken(verified: Verifier) -> bool:
    """Whether a finding breaks the log."""
    return any(finding.broken for finding in verified.findings)


def verification_lines(verified: Verifier) -> Iterator[str]:
    """The findings, those that break the log first, and a summary."""
    for finding in sorted(verified.findings, key=lambda one: not one.broken)[:MOST_SHOWN]:
        yield _finding_line(finding)
    if len(verified.findings) > MOST_SHOWN:
        yield f"... and {len(verified.findings) - MOST_SHOWN} more; --json lists all"
    pending = f", {verified.pending} not recorded yet" if verified.pending else ""
    state = "BROKEN" if is_broken(verified) else "intact"
    yield f"{state}: {verified.entries} entries{pending}; head {_head(verified) or 'none yet'}"


def _finding_line(finding: Finding) -> str:
    place = "" if finding.offset is None else f" at offset {finding.offset}"
    return f"{'BROKEN' if finding.broken else 'note'}  {finding.kind}{place}: {printable(finding.detail)}"


def verification_document(verified: Verifier) -> dict[str, Any]:
    """The verification as JSON values."""
    findings = [{name: getattr(one, name) for name in one.__slots__} for one in verified.findings]
    counts = {"entries": verified.entries, "not_yet_recorded": verified.pending}
    return {"broken": is_broken(verified), "head": _head(verified), **counts, "findings": findings}


def _head(verified: Verifier) -> str | None:
    return None if verified.head is None else f"{verified.head.sequence}:{verified.head.hash}"


def csv_row(entry: Entry) -> list[str]:
    """The cells of an entry, in the order of COLUMNS.

    A cell that a spreadsheet would run as a formula gets an apostrophe in front: reasons are written by anyone.
    """
    source = entry.source
    converted = {
        "at": rfc3339(entry.at),
        "recorded_at": rfc3339(entry.recorded_at),
        "topic": source.topic,
        "partition": source.partition,
        "offset": source.offset,
    }
    cells = [converted[name] if name in converted else getattr(entry, name) for name in COLUMNS]
    texts = ["" if cell is None else printable(cell) for cell in cells]
    return [f"'{text}" if text[:1] in ("=", "+", "-", "@") else text for text in texts]
