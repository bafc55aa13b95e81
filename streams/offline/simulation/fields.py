"""The kinds of value that a scenario holds, and the model that its parts share.

Shares are fractions from 0 to 1 and times are milliseconds since the start of the rollout (attributes end in `_ms`; the
keys in documents do not). Readers raise ValueError with what is wrong and what would be right.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainValidator

from gates.documents.quantities import format_duration, parse_duration, parse_number, parse_share, shown
from gates.documents.readers import read_positive_duration, read_switch


class ScenarioPart(BaseModel):
    """A part of a scenario: read strictly, never changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def number_between(least: float, most: float) -> Callable[[object], float]:
    """Make the reader of numbers from `least` to `most`."""

    def read(value: object) -> float:
        found = parse_number(value)
        if not least <= found <= most:
            raise ValueError(f"{shown(value)} is out of range: write a number from {least:g} to {most:g}")
        return found

    return read


def duration_up_to(longest_ms: int) -> Callable[[object], int]:
    """Make the reader of durations above zero and up to `longest_ms`."""

    def read(value: object) -> int:
        found = read_positive_duration(value)
        if found > longest_ms:
            raise ValueError(f"{shown(value)} is too long: write at most {format_duration(longest_ms)}")
        return found

    return read


def one_of(*known: str) -> Callable[[object], str]:
    """Make the reader of one of these words."""

    def read(value: object) -> str:
        if not isinstance(value, str) or value not in known:
            raise ValueError(f"{shown(value)} is not known: write one of {', '.join(known)}")
        return value

    return read


def some_of(*known: str) -> Callable[[object], tuple[str, ...]]:
    """Make the reader of lists of these names."""

    def read(value: object) -> tuple[str, ...]:
        if not isinstance(value, list | tuple):
            raise ValueError(f"{shown(value)} is not a list: write a list of {', '.join(known)}")
        for each in value:
            if each not in known:
                raise ValueError(f"{shown(each)} is not known: write a list of {', '.join(known)}")
        return tuple(value)

    return read


def _list(value: object) -> object:
    """Pydantic would accept a set as well, whose order is random."""
    if not isinstance(value, list | tuple):
        raise ValueError(f"{shown(value)} is not a list: write one mapping after each dash")
    return value


Time = Annotated[int, PlainValidator(parse_duration)]
OptionalTime = Annotated[int | None, PlainValidator(parse_duration)]
Duration = Annotated[int, PlainValidator(read_positive_duration)]
Share = Annotated[float, PlainValidator(parse_share)]
OptionalShare = Annotated[float | None, PlainValidator(parse_share)]
Factor = Annotated[float, PlainValidator(number_between(0.0, 1_000.0))]
PositiveFactor = Annotated[float, PlainValidator(number_between(0.001, 1_000.0))]
Flag = Annotated[bool, PlainValidator(read_switch)]
ListOfParts = BeforeValidator(_list)
