"""Dataclasses read from plain mappings, strictly: a field `Annotated[type, reader]` says how it is written.

A reader takes what a document holds and returns the field's value, or raises ValueError with what is wrong. The key is
the field's name without `_ms`; fields without a reader are not in documents.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import Any, TypeVar, get_type_hints

from gates.documents.quantities import parse_number, shown

T = TypeVar("T")


def read(kind: type[T], document: object) -> T:
    """The instance of the dataclass `kind` that a mapping describes.

    Raises:
        ValueError: it is no mapping, a key is unknown or missing, or a value cannot be; the message says which.
    """
    if not isinstance(document, Mapping):
        raise ValueError(f"{shown(document)} is not a mapping: write `key: value` lines")
    readers = _readers(kind)
    values: dict[str, Any] = {}
    for key, value in document.items():
        if key not in readers:
            raise ValueError(f"{shown(key)} is not a key here: write one of {', '.join(readers)}")
        name, reader = readers[key]
        try:
            values[name] = reader(value)
        except ValueError as error:
            raise ValueError(f"{key}: {error}") from None
    required = {each.name for each in fields(kind) if each.default is MISSING}  # type: ignore[arg-type]
    for key, (name, _) in readers.items():
        if name in required - values.keys():
            raise ValueError(f"{key} is missing")
    return kind(**values)


def _readers(kind: type[object]) -> Mapping[str, tuple[str, Callable[[object], object]]]:
    """By key, the field and its reader."""
    hints = get_type_hints(kind, include_extras=True)
    return {
        name.removesuffix("_ms"): (name, hint.__metadata__[0])
        for name, hint in hints.items()
        if hasattr(hint, "__metadata__")
    }


def part(kind: type[T]) -> Callable[[object], T]:
    """A reader of a mapping inside a mapping."""
    return lambda value: read(kind, value)


def parts(kind: type[T]) -> Callable[[object], tuple[T, ...]]:
    """A reader of a list of mappings."""

    def reader(value: object) -> tuple[T, ...]:
        if not isinstance(value, list | tuple):
            raise ValueError(f"{shown(value)} is not a list: write one mapping after each dash")
        return tuple(_numbered(kind, number, each) for number, each in enumerate(value, 1))

    return reader


def _numbered(kind: type[T], number: int, document: object) -> T:
    try:
        return read(kind, document)
    except ValueError as error:
        raise ValueError(f"number {number}: {error}") from None


def number(least: float, most: float) -> Callable[[object], float]:
    """A reader of numbers from `least` to `most`."""

    def reader(value: object) -> float:
        found = parse_number(value)
        if not least <= found <= most:
            raise ValueError(f"{shown(value)} is out of range: write a number from {least:g} to {most:g}")
        return found

    return reader


def flag(value: object) -> bool:
    """A reader of true and false."""
    if not isinstance(value, bool):
        raise ValueError(f"{shown(value)} is neither true nor false")
    return value


def words(*known: str) -> Callable[[object], tuple[str, ...]]:
    """A reader of a list of some of these words."""

    def reader(value: object) -> tuple[str, ...]:
        if not isinstance(value, list | tuple) or not all(each in known for each in value):
            raise ValueError(f"{shown(value)} is not a list of: {', '.join(known)}")
        return tuple(value)

    return reader
