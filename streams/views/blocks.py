"""Evidence in blocks: which of them made an e-value, when the next one ends, and what limits the evidence."""

from __future__ import annotations

from collections.abc import Iterator

from gates.stats.largest_blocks import LOST_SUCCESSES
from gates.text import clock_time, e_value, part_text, percent, significant_text
from streams.views.wording import Document, counted, printable, utc, whole_seconds

HANGS_TOGETHER_S = 2.0
"""From this rho on bad events hang together; that of independent ones is measured as a little above 1."""

_BAD = {"share": "errors", "ms": "slow requests"}


def block_lines(check: Document, cohorts: Document) -> Iterator[str]:
    """What made the evidence of a verdict against the candidate; nothing where the verdict has none of it."""
    blocks = check.get("blocks")
    if blocks is None:
        return
    bad = _bad(check)
    number, whole = counted(blocks["number"], "block"), e_value(blocks["e_value"])
    largest = blocks["largest"]
    if not largest:
        yield f"{number} with {bad}, none of which raised the e-value"
        return
    yield f"{number} with {bad}; what raised the e-value most:"
    for growth in largest:
        yield f"{_growth(growth, cohorts)}: {_times(growth['factor'])}"
    yield f"all others together: {_times(blocks['others'])}"
    together = f"A factor is the e-value after the block divided by that before it: together they give {whole}"
    yield f"{together}, and equal counts weigh more after others like them."
    yield from agreement_lines(blocks.get("agreement"))


def _growth(growth: Document, cohorts: Document) -> str:
    counts = [_counts(cohorts[role], growth[role]) for role in ("candidate", "baseline") if growth[role]["events"]]
    by = "lost successes, " if growth["by"] == LOST_SUCCESSES else ""
    return f"{utc(growth['start'])} to {clock_time(growth['end'])} {by}{', '.join(counts)}"


def _counts(cohort: object, counts: Document) -> str:
    bad, events = counts["bad"], counts["events"]
    return f"{printable(cohort)} {percent(bad / events)} ({significant_text(bad, 6)} of {events:,})"


def _times(factor: float) -> str:
    """A factor to three digits."""
    return f"times {significant_text(factor, 3)}" if factor >= 0.001 else "times less than 0.001"


def agreement_lines(agreement: Document | None) -> Iterator[str]:
    """The part of the candidate that limits the evidence, if one does."""
    if agreement is not None:
        part, needed = printable(part_text(agreement["part"])), significant_text(agreement["needed"], 3)
        without = e_value(agreement["without"])
        yield f"Limited by {part}, which reaches {e_value(agreement['e_value'])} and needs {needed}; else {without}."


def next_looks(status: Document) -> str:
    """When the evidence of each check is looked at next; "" where none is gathered in blocks."""
    blocks = status.get("blocks") or {}
    return ", ".join(f"{printable(name)} in {whole_seconds(known['left_ms'])}" for name, known in blocks.items())


def long_blocks(status: Document) -> Iterator[str]:
    """Why blocks are longer than the traffic alone makes them, by check."""
    for check in status["checks"]:
        known = (status.get("blocks") or {}).get(check["name"])
        if known is not None and known["rho_s"] >= HANGS_TOGETHER_S:
            yield f"{printable(check['name'])}: {_together(status, check, known)}"


def look_lines(status: Document, check: Document) -> Iterator[str]:
    """When the evidence of the check is looked at next and why then, and what limits it."""
    known = (status.get("blocks") or {}).get(check["name"])
    if known is None:
        return
    yield f"in {whole_seconds(known['left_ms'])}: {_together(status, check, known)}"
    yield from agreement_lines(known.get("agreement"))


def _together(status: Document, check: Document, known: Document) -> str:
    bad, length = _bad(check), whole_seconds(known["length_ms"])
    one = f"all {bad} of {length} count as one witness"
    seconds = f"{significant_text(known['rho_s'], 2)}s"
    if known["stated"]:
        return f"{bad} are stated to hang together for {seconds} (confidence.dispersion), so {one}"
    if known["rho_s"] >= HANGS_TOGETHER_S:
        return f"{_whose(status, check)} hang together for about {seconds}, so {one}"
    return one


def _whose(status: Document, check: Document) -> str:
    """The baseline's bad events; at 100% they are measured on the candidate as well, so no cohort is named."""
    compared = status["stages"][status["stage_index"]]["weight"] < 1.0
    return f"{printable(status['cohorts']['baseline'])}'s {_bad(check)}" if compared else _bad(check)


def _bad(check: Document) -> str:
    return _BAD.get(str(check["unit"]), "bad values")
