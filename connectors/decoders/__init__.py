"""Bytes in, request events out: one format a file, all of them listed in `registry`."""

from connectors.decoders.decoded import MAX_BYTES, REASONS, Decoded, Fault, Reason, Unreadable
from connectors.decoders.event import CLASS_INDEX, RequestEvent, result_of

__all__ = [
    "CLASS_INDEX",
    "MAX_BYTES",
    "REASONS",
    "Decoded",
    "Fault",
    "Reason",
    "RequestEvent",
    "Unreadable",
    "result_of",
]
