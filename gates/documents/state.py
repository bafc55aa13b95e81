"""The one encoder of state: dataclasses to JSON values for a snapshot, and back to equal dataclasses.

The fields of a class are listed once, in the class. Floats survive bit for bit, because JSON writes the shortest text
that reads back as the same float. msgspec works in memory only and does no I/O, so the gate stays pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")


def as_document(value: object) -> Any:
    """A dataclass of plain fields as JSON values: the part of a message whose fields are those of the class."""
    return msgspec.to_builtins(value)


class Codec(Generic[T]):
    """Encodes and decodes one dataclass and all that it contains.

    `written` and `read` convert a type that is no dataclass, such as a policy, to its document and back.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Point:
    ...     x: float
    ...     labels: tuple[str, ...] = ()
    >>> codec = Codec(Point)
    >>> codec.encode(Point(0.5, ("a",)))
    {'x': 0.5, 'labels': ('a',)}
    >>> codec.decode({"x": 0.5, "labels": ["a"]})
    Point(x=0.5, labels=('a',))
    """

    def __init__(
        self,
        kind: type[T],
        written: Mapping[type, Callable[[Any], object]] | None = None,
        read: Mapping[type, Callable[[Any], object]] | None = None,
    ) -> None:
        self._kind = kind
        self._written = dict(written or {})
        self._read = dict(read or {})

    def encode(self, state: T) -> Any:
        """The state as JSON values.

        Raises:
            KeyError: a part of the state is of a type that cannot be encoded.
        """
        return msgspec.to_builtins(state, enc_hook=lambda part: self._written[type(part)](part))

    def decode(self, document: object) -> T:
        """The state that `encode` was given.

        Raises:
            msgspec.ValidationError: the document is of another shape, for example of another version.
        """
        return msgspec.convert(document, self._kind, dec_hook=lambda kind, part: self._read[kind](part))
