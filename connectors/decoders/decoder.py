"""What a decoder is: it turns the bytes of Kafka messages into request events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from connectors.decoders.decoded import MAX_BYTES, Decoded
from connectors.decoders.event import RequestEvent


class Decoder(Protocol):
    """Decodes one event format. Subclass it and write `decode`; the other two methods only make decoding faster.

    No method raises on bad input, because one bad message must not stop a partition. A value of more than `max_bytes`
    is a fault. All events of a returned list have the same `has_details`, and the fields of RequestEvent.
    """

    def decode(self, value: bytes | None, *, max_bytes: int = MAX_BYTES) -> Decoded:
        """Decode one message value of any shape, faults included."""

    def decode_valid(self, value: bytes | None, *, max_bytes: int = MAX_BYTES) -> list[RequestEvent] | None:
        """Decode a message value that has no faults; None means: use `decode`."""
        return None

    def decode_run(self, values: Sequence[bytes | None], *, max_bytes: int = MAX_BYTES) -> list[RequestEvent] | None:
        """Decode message values that hold one event each; None means that each has to be decoded alone.

        Ingest asks this first, with hundreds of values at a time: one call per run instead of one per message.
        """
        return None
