"""The outcomes of requests as a policy writes them: classes, and exact statuses such as 429 or `grpc:14`."""

import re
from difflib import get_close_matches
from typing import Literal, get_args

from gates.documents.quantities import shown
from gates.statuses import CLASS_OF, CODES, GRPC_NAMES

ErrorClass = Literal["1xx", "2xx", "3xx", "4xx", "5xx", "ok", "error"]
Outcome = str | int
"""A class, an HTTP status as a number, or a gRPC status as `grpc:14`."""

ERROR_CLASSES: tuple[ErrorClass, ...] = get_args(ErrorClass)
_WORDS = f"classes ({', '.join(ERROR_CLASSES)}) or exact statuses (300 to 599, grpc:1 to grpc:16)"

OUTCOMES_SCHEMA: dict[str, object] = {
    "type": "array",
    "items": {
        "anyOf": [
            {"enum": list(ERROR_CLASSES)},
            {"type": "integer", "minimum": 300, "maximum": 599},
            {"type": "string", "pattern": "^grpc:([1-9]|1[0-6])$"},
        ]
    },
    "minItems": 1,
    "uniqueItems": True,
}


def class_of(outcome: Outcome) -> str:
    """The class of an outcome: that of an exact status, or the class itself.

    >>> class_of(429), class_of("grpc:14"), class_of("5xx")
    ('4xx', 'error', '5xx')
    """
    return CLASS_OF[CODES[outcome]] if outcome in CODES else str(outcome)


def overlap(one: Outcome, other: Outcome) -> bool:
    """Whether some request would be of both outcomes.

    >>> overlap("4xx", 429), overlap(404, 429)
    (True, False)
    """
    return one == other or one == class_of(other) or class_of(one) == other


def read_outcomes(value: object) -> tuple[Outcome, ...]:
    """Read the outcomes that count as errors into one fixed order, so that their order never matters."""
    if not isinstance(value, list | tuple) or not value:
        raise ValueError(f"must be a list of outcomes, not {shown(value)}; write at least one of {_WORDS}")
    for outcome in value:
        # A number that is written as 429.0 or true would be equal to a known one.
        if type(outcome) not in (str, int) or (outcome not in ERROR_CLASSES and outcome not in CODES):
            raise ValueError(_unknown(outcome))
    if len(set(value)) < len(value):
        raise ValueError("has an outcome twice; write it once")
    for outcome in value:
        if (word := class_of(outcome)) != outcome and word in value:
            raise ValueError(
                f"{outcome} is of the class {word}, which is in the list as well; remove {outcome}, or write the exact "
                f"statuses in place of {word}"
            )
    return tuple(known for known in (*ERROR_CLASSES, *CODES) if known in value)


def _unknown(outcome: object) -> str:
    near = _near(outcome)
    if near is not None:
        return f"{shown(outcome)} is not an outcome; did you mean {near}?"
    if type(outcome) is int and 100 <= outcome < 300:
        word = f"{outcome // 100}xx"
        return f"{outcome} is of the class {word}, whose statuses are not counted one by one; write {word}"
    if type(outcome) is int and outcome in (0, -1):
        return f"{outcome} is a request without an answer, which counts as error; write error"
    return f"{shown(outcome)} is not an outcome; write {_WORDS}"


def _near(outcome: object) -> Outcome | None:
    """The outcome that was likely meant."""
    if not isinstance(outcome, str) or len(outcome) > 40:
        return None
    text = outcome.strip().lower()
    if text.isdecimal() and int(text) in CODES:  # a number in quotes
        return int(text)
    name = re.sub(r"[^a-z0-9]+", "_", text.removeprefix("grpc")).strip("_").upper()
    if text.startswith("grpc") and name.isdecimal() and f"grpc:{int(name)}" in CODES:
        return f"grpc:{int(name)}"
    if name in GRPC_NAMES[1:]:
        return f"grpc:{GRPC_NAMES.index(name)}"
    return next(iter(get_close_matches(text, ERROR_CLASSES, n=1, cutoff=0.75)), None)
