"""Dead letters as lines, tables and JSON values; whatever a letter holds cannot control the terminal."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from streams.dead_letters.letters import Letter
from streams.dead_letters.redrive_rules import Fate, Redrive
from streams.dead_letters.redriver import Redriven
from streams.views.tables import add_wide_column, plain_table
from streams.views.wording import printable, rfc3339

FATES = {
    Fate.SENT: "sent",
    Fate.ALREADY: "skipped, already redriven",
    Fate.UNSURE: "skipped, may have been sent",
    Fate.CUT: "skipped, truncated",
    Fate.MALFORMED: "skipped, still malformed",
}

NO_LETTERS = "no matching dead letters"

LetterState = tuple[Letter, Redrive | None]
"""A letter, and the redrive that was last recorded about it."""


def letter_document(letter: Letter, redriven: Redrive | None, *, whole: bool = False) -> dict[str, Any]:
    """A letter as JSON values; with its key and value if `whole`."""
    content, origin = letter.content, letter.origin
    out: dict[str, Any] = {
        "address": str(letter.place),
        "at": rfc3339(letter.at),
        "origin": str(origin),
        "topic": origin.topic,
        "partition": origin.partition,
        "offset": origin.offset,
        "index": origin.element,
        "reason": content.reason,
        "detail": content.detail,
        "rollout": letter.rollout,
        "bytes": letter.whole_size,
        "truncated": not letter.whole,
        "redriven": None if redriven is None else {"state": redriven.state, "to": redriven.to, "by": redriven.by},
    }
    return out | _text_or_base64("key", content.key) | _text_or_base64("value", content.value) if whole else out


def _text_or_base64(name: str, value: bytes | None) -> dict[str, str | None]:
    try:
        return {name: None if value is None else value.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(value or b"").decode()}


def safe_lines(value: bytes) -> list[str]:
    r"""A value as lines of printable text; bytes that are not UTF-8 become \x and two digits.

    >>> safe_lines(b'{"a":\n"\x1b[2J\xff"}')
    ['{"a":', '"\ufffd[2J\\xff"}']
    """
    text = value.decode(errors="backslashreplace")
    return [printable(line.removesuffix("\r").expandtabs(4)) for line in text.split("\n")]


def letter_lines(letter: Letter, redriven: Redrive | None) -> Iterator[str]:
    """All of a letter, a line per property, its value at the end."""
    content = letter.content
    size = f"{letter.whole_size} bytes" + (
        "" if letter.whole else f", of which the first {len(content.value)} are kept"
    )
    rows = {
        "dead letter": letter.place,
        "written": rfc3339(letter.at),
        "origin": letter.origin,
        "reason": content.reason,
        "detail": content.detail,
        "rollout": letter.rollout or "unknown",
        "key": "none" if content.key is None else "".join(safe_lines(content.key)),
        "redriven": "no" if redriven is None else _redrive_text(redriven),
        "value": size,
    }
    yield from (f"{name:<12} {printable(text)}" for name, text in rows.items())
    yield ""
    yield from safe_lines(content.value)


def _redrive_text(redriven: Redrive) -> str:
    certainty = "" if redriven.state == "sent" else "may have been sent; "
    return f"{certainty}{redriven.state} {rfc3339(redriven.at)} by {redriven.by}, to {redriven.to}"


def letters_view(counts: Mapping[tuple[str, str], int], letters: Sequence[LetterState]) -> RenderableType:
    """Counts by topic and reason, then a row per letter."""
    totals = plain_table("letters", "topic", "reason")
    for (topic, reason), number in sorted(counts.items(), key=lambda one: -one[1]):
        totals.add_row(str(number), Text(printable(topic)), Text(printable(reason), "yellow"))
    if not letters:
        return totals
    table = plain_table("written", "address", "origin", "reason", "rollout", "redriven")
    for column in table.columns[:2]:
        column.no_wrap = True  # so that an address can be copied as a whole
    add_wide_column(table, "detail")
    for letter, redriven in letters:
        state = "" if redriven is None else "yes" if redriven.state == "sent" else "unsure"
        cells = (rfc3339(letter.at), letter.place, letter.origin, letter.content.reason, letter.rollout or "", state)
        table.add_row(*(Text(printable(cell)) for cell in cells), Text(printable(letter.content.detail)))
    return Group(totals, Text(), table)


def redriven_line(done: Redriven, *, dry: bool) -> str:
    """What became of a letter."""
    fate = "would be sent" if dry and done.fate is Fate.SENT else FATES[done.fate]
    return f"{done.letter.place}  {printable(done.letter.origin)}  {fate}" + (
        f": {printable(done.why)}" if done.why else ""
    )


def redriven_document(done: Redriven, *, dry: bool) -> dict[str, Any]:
    """The same as JSON values."""
    place = {"address": str(done.letter.place), "origin": str(done.letter.origin)}
    return place | {"fate": done.fate.value, "dry_run": dry, "why": done.why or None}


def redrive_summary(fates: Mapping[Fate, int], *, dry: bool) -> str:
    """How many letters of each fate.

    >>> redrive_summary({Fate.SENT: 2, Fate.CUT: 1}, dry=False)
    '2 sent; 1 skipped, truncated'
    """
    parts = [f"{fates[fate]} {FATES[fate]}" for fate in Fate if fates.get(fate)]
    return ("dry run: " if dry else "") + ("; ".join(parts) or NO_LETTERS)
