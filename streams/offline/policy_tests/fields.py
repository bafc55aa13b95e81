"""The kinds of value that a policy test holds beyond those of a policy; readers raise ValueError in plain words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, NamedTuple

from pydantic import PlainValidator

from gates.decisions import Action
from gates.documents.fields import printable
from gates.documents.quantities import parse_duration, shown
from gates.verdicts import Outcome
from streams.judge.rollout import CONTROLS

GAP = "..."
"""Stands in `expect` for any number of decisions, none included."""

ACTIONS = tuple(action.value for action in Action)

VERDICT_WORDS = {
    "fails": Outcome.FAIL,
    "passes": Outcome.PASS,
    "is inconclusive": Outcome.INCONCLUSIVE,
    "has no data": Outcome.NO_DATA,
    "errs": Outcome.ERROR,
}
"""How a test says what a check must say."""

_LONGEST_TEXT = 500


class Reason(NamedTuple):
    """What a reason must hold: the text itself or, between slashes, a regular expression that is found in it."""

    text: str
    pattern: re.Pattern[str]

    def __str__(self) -> str:
        return self.text


class CheckVerdict(NamedTuple):
    """What a check must say in a decision."""

    name: str
    outcome: Outcome
    words: str

    def __str__(self) -> str:
        return f"{self.name} {self.words}"


def one_of(*words: str) -> Callable[[object], str]:
    """Make the reader of one of these words."""

    def read(value: object) -> str:
        if value not in words:
            raise ValueError(f"{shown(value)} is not known: write one of {', '.join(words)}")
        return str(value)

    return read


def read_reason(value: object) -> Reason:
    """Read a text that must stand in the reason, or a regular expression between slashes."""
    text = printable(1, _LONGEST_TEXT)(value)
    if len(text) < 3 or not (text.startswith("/") and text.endswith("/")):
        return Reason(text, re.compile(re.escape(text)))
    try:
        return Reason(text, re.compile(text[1:-1]))
    except re.error as error:
        raise ValueError(f"{shown(text)} is not a regular expression: {error}") from None


def read_check(value: object) -> CheckVerdict:
    """Read a check's name and what it must say.

    >>> read_check("errors fails").outcome.value
    'FAIL'
    """
    name, _, words = value.partition(" ") if isinstance(value, str) else ("", "", "")
    outcome = VERDICT_WORDS.get(words.strip())
    if not name or outcome is None:
        known = ", ".join(f"`NAME {word}`" for word in VERDICT_WORDS)
        raise ValueError(f"{shown(value)} does not say what a check says: write one of {known}")
    return CheckVerdict(name, outcome, words.strip())


Text = Annotated[str, PlainValidator(printable(1, _LONGEST_TEXT))]
Line = Annotated[str, PlainValidator(printable(0, _LONGEST_TEXT))]
OptionalText = Annotated[str | None, PlainValidator(printable(1, _LONGEST_TEXT))]
FromStartMs = Annotated[int, PlainValidator(parse_duration)]
OptionalFromStartMs = Annotated[int | None, PlainValidator(parse_duration)]
ActionWord = Annotated[str, PlainValidator(one_of(*ACTIONS))]
ActionOrGap = Annotated[str, PlainValidator(one_of(*ACTIONS, GAP))]
ControlName = Annotated[str, PlainValidator(one_of("start", *CONTROLS))]
AckWord = Annotated[str, PlainValidator(one_of("auto", "none"))]
OptionalReason = Annotated[Reason | None, PlainValidator(read_reason)]
OptionalCheck = Annotated[CheckVerdict | None, PlainValidator(read_check)]
