"""Dead letters in words, tables and documents; whatever they hold, nothing of it steers a terminal."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from streams.cli.moments import iso
from streams.dead_letters.letters import Letter
from streams.dead_letters.redrive_rules import Fate, Redrive
from streams.dead_letters.redriver import Redriven
from streams.views.timeline import printable

FATES = {
    Fate.SENT: "sent",
    Fate.ALREADY: "skipped, already redriven",
    Fate.UNSURE: "skipped, nobody is sure",
    Fate.CUT: "skipped, cut",
    Fate.MALFORMED: "skipped, still malformed",
}


def document(letter: Letter, redriven: Redrive | None, *, whole: bool = False) -> dict[str, Any]:
    """A letter as JSON; with its key and value if `whole`."""
    said, origin = letter.content, letter.origin
    out: dict[str, Any] = {
        "address": str(letter.place),
        "at": iso(letter.at),
        "origin": str(origin),
        "topic": origin.topic,
        "partition": origin.partition,
        "offset": origin.offset,
        "index": origin.element,
        "reason": said.reason,
        "detail": said.detail,
        "rollout": letter.rollout,
        "bytes": letter.whole_size,
        "truncated": not letter.whole,
        "redriven": None if redriven is None else {"state": redriven.state, "to": redriven.to, "by": redriven.by},
    }
    return out | _bytes("key", said.key) | _bytes("value", said.value) if whole else out


def _bytes(name: str, value: bytes | None) -> dict[str, str | None]:
    try:
        return {name: None if value is None else value.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(value or b"").decode()}


def safe_lines(value: bytes) -> list[str]:
    r"""A value as lines of printable text; bytes that are no UTF-8 as \x and two digits.

    >>> safe_lines(b'{"a":\n"\x1b[2J\xff"}')
    ['{"a":', '"\ufffd[2J\\xff"}']
    """
    text = value.decode(errors="backslashreplace")
    return [printable(line.removesuffix("\r").expandtabs(4)) for line in text.split("\n")]


def letter_in_words(letter: Letter, redriven: Redrive | None) -> Iterator[str]:
    """All of a letter, a line each, and its value at the end."""
    said = letter.content
    size = f"{letter.whole_size} bytes" + ("" if letter.whole else f", of which the first {len(said.value)} were kept")
    rows = {
        "dead letter": letter.place,
        "put there": iso(letter.at),
        "origin": letter.origin,
        "reason": said.reason,
        "detail": said.detail,
        "rollout": letter.rollout or "not told",
        "key": "none" if said.key is None else "".join(safe_lines(said.key)),
        "redriven": "no" if redriven is None else _redriven(redriven),
        "value": size,
    }
    yield from (f"{name:<12} {printable(text)}" for name, text in rows.items())
    yield ""
    yield from safe_lines(said.value)


def _redriven(redriven: Redrive) -> str:
    sure = "" if redriven.state == "sent" else "nobody is sure, "
    return f"{sure}{redriven.state} {iso(redriven.at)} by {redriven.by}, to {redriven.to}"


def print_list(counts: Mapping[tuple[str, str], int], letters: Sequence[tuple[Letter, Redrive | None]]) -> None:
    """Counts by topic and reason, then a row a letter."""
    table = _table("letters", "topic", "reason")
    for (topic, reason), number in sorted(counts.items(), key=lambda one: -one[1]):
        table.add_row(str(number), Text(printable(topic)), Text(printable(reason), "yellow"))
    console = Console()
    console.print(table)
    if not letters:
        return
    console.print()
    table = _table("put there", "address", "origin", "reason", "rollout", "redriven")
    for column in table.columns[:2]:
        column.no_wrap = True  # to be read, and to be copied, as a whole
    table.add_column("detail", ratio=1, overflow="fold")
    for letter, redriven in letters:
        state = "" if redriven is None else "yes" if redriven.state == "sent" else "unsure"
        cells = (iso(letter.at), letter.place, letter.origin, letter.content.reason, letter.rollout or "", state)
        table.add_row(*(Text(printable(cell)) for cell in cells), Text(printable(letter.content.detail)))
    console.print(table)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(name, overflow="fold")
    return table


def redriven_in_words(done: Redriven, *, dry: bool) -> str:
    """What became of a letter, in a line."""
    fate = "would be sent" if dry and done.fate is Fate.SENT else FATES[done.fate]
    return f"{done.letter.place}  {printable(done.letter.origin)}  {fate}" + (
        f": {printable(done.why)}" if done.why else ""
    )


def redriven_document(done: Redriven, *, dry: bool) -> dict[str, Any]:
    """The same as JSON."""
    place = {"address": str(done.letter.place), "origin": str(done.letter.origin)}
    return place | {"fate": done.fate.value, "dry_run": dry, "why": done.why or None}


def summary_in_words(fates: Mapping[Fate, int], *, dry: bool) -> str:
    """How many of each.

    >>> summary_in_words({Fate.SENT: 2, Fate.CUT: 1}, dry=False)
    '2 sent, 1 skipped, cut'
    """
    parts = [f"{fates[fate]} {FATES[fate]}" for fate in Fate if fates.get(fate)]
    return ("dry run: " if dry else "") + (", ".join(parts) or "no dead letters, or none like that")
