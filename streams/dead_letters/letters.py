"""Dead letters as they are read back from their topic: where each came from, and which ones are selected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Self

import orjson

from connectors.dead_letters import DeadLetter

LARGEST_NUMBER = (1 << 63) - 1


class LetterOrigin(NamedTuple):
    """Where a letter's bytes came from. This identifies the letter, and its place on `dead-letters` does not.

    After a crash the same letter may be on `dead-letters` twice. `topic_id` is empty where it is not known.
    """

    topic: str
    partition: int
    offset: int
    element: int
    topic_id: str = ""

    @property
    def place(self) -> tuple[str, int, int, int]:
        """The origin without the topic's id."""
        return self.topic, self.partition, self.offset, self.element

    def __str__(self) -> str:
        return "/".join(map(str, self.place))


class Place(NamedTuple):
    """A position on `dead-letters`."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}"


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter: its place, its record's time (ms), its content, and the size of its value before it was cut."""

    place: Place
    at: int
    content: DeadLetter
    whole_size: int

    @property
    def origin(self) -> LetterOrigin:
        """Where its bytes came from."""
        content = self.content
        return LetterOrigin(content.topic, content.partition, content.offset, content.index, content.topic_id)

    @property
    def whole(self) -> bool:
        """Whether its value was kept entirely."""
        return self.whole_size == len(self.content.value)

    @property
    def rollout(self) -> str | None:
        """The rollout that its value names, if it names one."""
        try:
            document = orjson.loads(self.content.value)
        except ValueError:
            return None
        found = document.get("rollout") if isinstance(document, dict) else None
        return found if isinstance(found, str) else None


def read_letter(
    place: Place, at: int, value: bytes | None, headers: Iterable[tuple[str, bytes | None]]
) -> Letter | None:
    """The letter in a record of `dead-letters`; None where the record is no letter."""
    found: Mapping[str, bytes] = {name: text for name, text in headers if text is not None}
    try:
        partition, offset, index = (int(found[name]) for name in ("partition", "offset", "index"))
        topic, reason, detail = (found[name].decode(errors="replace") for name in ("topic", "reason", "detail"))
        size = int(found.get("truncated_from", b"-1"))
    except (KeyError, ValueError):
        return None
    if not all(0 <= number <= LARGEST_NUMBER for number in (partition, offset, index)) or size > LARGEST_NUMBER:
        return None
    body = value or b""
    identity = found.get("topic_id", b"").decode(errors="replace")
    origin = (topic, partition, offset, index)
    content = DeadLetter(*origin, reason, detail, found.get("key"), body, topic_id=identity)
    return Letter(place, at, content, len(body) if size < 0 else size)


@dataclass(frozen=True, slots=True)
class Address:
    """How a person names a letter: by its place, or by its origin (without an index, every element of the message)."""

    place: Place | None = None
    origin: tuple[str, int, int] | None = None
    index: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `PARTITION:OFFSET` or `TOPIC/PARTITION/OFFSET[/INDEX]`.

        >>> Address.parse("3:41").place
        Place(partition=3, offset=41)

        Raises:
            ValueError: the text is neither.
        """
        partition, colon, offset = text.partition(":")
        if colon and partition.isdecimal() and offset.isdecimal():
            return cls(place=Place(int(partition), int(offset)))
        topic, *numbers = text.split("/")
        if topic and len(numbers) in (2, 3) and all(number.isdecimal() for number in numbers):
            return cls(origin=(topic, int(numbers[0]), int(numbers[1])), index=int(numbers[2]) if numbers[2:] else None)
        raise ValueError(f"{text!r} is not an address; write PARTITION:OFFSET, or TOPIC/PARTITION/OFFSET[/INDEX]")

    def __contains__(self, letter: Letter) -> bool:
        if self.place is not None:
            return letter.place == self.place
        return letter.origin[:3] == self.origin and self.index in (None, letter.origin.element)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which letters to use: those that meet every condition given. Times are milliseconds since the epoch."""

    reasons: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()
    since: int | None = None
    until: int | None = None
    rollout: str | None = None
    addresses: tuple[Address, ...] = ()

    def __contains__(self, letter: Letter) -> bool:
        content = letter.content
        return (
            (not self.reasons or content.reason in self.reasons)
            and (not self.topics or content.topic in self.topics)
            and (self.since is None or letter.at >= self.since)
            and (self.until is None or letter.at < self.until)
            and (not self.addresses or any(letter in address for address in self.addresses))
            and (self.rollout is None or letter.rollout == self.rollout)
        )
