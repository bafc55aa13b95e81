"""The kinds of value that only policy tests hold; readers raise ValueError with what is wrong and what would fit."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, NamedTuple

from pydantic import PlainValidator

from gates.decisions import Action
from gates.documents.quantities import parse_duration, shown
from gates.documents.readers import printable
from gates.verdicts import VerdictKind
from streams.judge.fold import CONTROLS

GAP = "..."
"""In `expect`, any number of decisions, or none."""

ACTIONS = tuple(action.value for action in Action)

VERDICT_PHRASES = {
    "fails": VerdictKind.FAIL,
    "passes": VerdictKind.PASS,
    "is inconclusive": VerdictKind.INCONCLUSIVE,
    "has no data": VerdictKind.NO_DATA,
    "errs": VerdictKind.ERROR,
}
"""How a test names the verdict that a check must have."""

_LONGEST_TEXT = 500


class ReasonPattern(NamedTuple):
    """What a reason must contain: the text itself or, between slashes, a match of a regular expression."""

    text: str
    pattern: re.Pattern[str]

    def __str__(self) -> str:
        return self.text


class CheckVerdict(NamedTuple):
    """The verdict that a check must have in a decision."""

    name: str
    outcome: VerdictKind
    phrase: str

    def __str__(self) -> str:
        return f"{self.name} {self.phrase}"


def one_of(*known: str) -> Callable[[object], str]:
    """Make the reader of one of these names."""

    def read(value: object) -> str:
        if value not in known:
            raise ValueError(f"{shown(value)} is not known: write one of {', '.join(known)}")
        return str(value)

    return read


def read_reason(value: object) -> ReasonPattern:
    """Read a text that the reason must contain, or a regular expression between slashes."""
    text = printable(1, _LONGEST_TEXT)(value)
    if len(text) < 3 or not (text.startswith("/") and text.endswith("/")):
        return ReasonPattern(text, re.compile(re.escape(text)))
    try:
        return ReasonPattern(text, re.compile(text[1:-1]))
    except re.error as error:
        raise ValueError(f"{shown(text)} is not a regular expression: {error}") from None


def read_check(value: object) -> CheckVerdict:
    """Read a check's name and its verdict.

    >>> read_check("errors fails").outcome.value
    'FAIL'
    """
    name, _, phrase = value.partition(" ") if isinstance(value, str) else ("", "", "")
    outcome = VERDICT_PHRASES.get(phrase.strip())
    if not name or outcome is None:
        known = ", ".join(f"`NAME {known_phrase}`" for known_phrase in VERDICT_PHRASES)
        raise ValueError(f"{shown(value)} does not name a check and its verdict: write one of {known}")
    return CheckVerdict(name, outcome, phrase.strip())


Text = Annotated[str, PlainValidator(printable(1, _LONGEST_TEXT))]
Line = Annotated[str, PlainValidator(printable(0, _LONGEST_TEXT))]
OptionalText = Annotated[str | None, PlainValidator(printable(1, _LONGEST_TEXT))]
FromStartMs = Annotated[int, PlainValidator(parse_duration)]
OptionalFromStartMs = Annotated[int | None, PlainValidator(parse_duration)]
ActionWord = Annotated[str, PlainValidator(one_of(*ACTIONS))]
ActionOrGap = Annotated[str, PlainValidator(one_of(*ACTIONS, GAP))]
ControlWord = Annotated[str, PlainValidator(one_of("start", *CONTROLS))]
AckWord = Annotated[str, PlainValidator(one_of("auto", "none"))]
OptionalReason = Annotated[ReasonPattern | None, PlainValidator(read_reason)]
OptionalCheck = Annotated[CheckVerdict | None, PlainValidator(read_check)]
