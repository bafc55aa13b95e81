"""Messages that could not be read, kept for people: the message on `dead-letters`."""

from __future__ import annotations

from dataclasses import dataclass, replace

LARGEST_KEPT = 65_536
"""Bytes of a value that are kept; a larger one is cut, and its headers name the record that has all of it.

A larger key is not kept: a letter must fit into a message, whatever it is about."""

LARGEST_DETAIL = 2_000
"""Characters of a detail that are kept: a bad policy can have a megabyte of faults."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Bytes that are not a valid message of their topic, with their position and the reason.

    `reason` is a metrics label, `detail` a sentence, and `index` the position of the element within the message.
    `topic_id` is the id of the topic, where it is known: one that is made again has other messages at the same places.
    `value` is at most `LARGEST_KEPT` of the `size` bytes: letters wait for the next flush, and whole ones of large
    messages would fill the memory meanwhile.
    """

    topic: str
    partition: int
    offset: int
    index: int
    reason: str
    detail: str
    key: bytes | None
    value: bytes
    size: int = -1
    topic_id: str = ""

    def __post_init__(self) -> None:
        """Drop a key, and cut a value and a detail, that are too large."""
        detail = self.detail
        if self.size < 0:
            object.__setattr__(self, "size", len(self.value))
        object.__setattr__(self, "value", self.value[:LARGEST_KEPT])
        if self.key is not None and len(self.key) > LARGEST_KEPT:
            detail = f"(its key of {len(self.key)} bytes was not kept) {detail}"
            object.__setattr__(self, "key", None)
        object.__setattr__(self, "detail", detail[:LARGEST_DETAIL])

    def without_bytes(self) -> DeadLetter:
        """The letter by its place alone."""
        detail = f"(its {self.size} bytes were not kept) {self.detail}"
        return replace(self, key=None, value=b"", detail=detail)

    def headers(self) -> list[tuple[str, bytes]]:
        """The Kafka headers, as text in UTF-8; `key` is the original key, unchanged."""
        out = [
            ("topic", self.topic.encode()),
            ("partition", str(self.partition).encode()),
            ("offset", str(self.offset).encode()),
            ("index", str(self.index).encode()),
            ("reason", self.reason.encode()),
            ("detail", self.detail.encode(errors="replace")),
        ]
        if self.key is not None:
            out.append(("key", self.key))
        if self.topic_id:
            out.append(("topic_id", self.topic_id.encode()))
        if self.size > len(self.value):
            out.append(("truncated_from", str(self.size).encode()))
        return out

    def body(self) -> bytes:
        """The bytes themselves, as far as they were kept."""
        return self.value
