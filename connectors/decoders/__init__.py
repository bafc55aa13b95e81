"""Bytes in, request events out: one decoder a file, the noun they all make in `event`."""

from connectors.decoders.event import CLASS_INDEX, RequestEvent
from connectors.decoders.native import (
    MAX_BYTES,
    REASONS,
    Decoded,
    Fault,
    Reason,
    decode,
    decode_lines,
    decode_one,
    decode_run,
)

__all__ = [
    "CLASS_INDEX",
    "MAX_BYTES",
    "REASONS",
    "Decoded",
    "Fault",
    "Reason",
    "RequestEvent",
    "decode",
    "decode_lines",
    "decode_one",
    "decode_run",
]
