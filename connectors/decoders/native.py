"""The native format: a message value is one JSON object, a JSON array of objects, or NDJSON.

JSON as in RFC 8259 (so no NaN, no Infinity, UTF-8 without a byte order mark), times as in RFC 3339, one object per line
as in NDJSON; CRLF and blank lines are accepted. Bad input never raises: each malformed element becomes a Fault, and the
good elements around it are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, ClassVar, Final, Literal, cast

import msgspec

from connectors.decoders.decoded import MAX_BYTES, Decoded, Fault, Unreadable
from connectors.decoders.decoder import Decoder
from connectors.decoders.event import (
    EARLIEST_MS,
    LATEST_MS,
    GrpcStatus,
    HttpStatus,
    Latency,
    Metrics,
    Name,
    RequestEvent,
    Text,
)
from connectors.decoders.native_faults import UNDECODABLE, document, fault_of
from connectors.decoders.native_unreadable import unreadable_in

MAX_FAULTS: Final = 1000
"""Faults of one message that are listed one by one. The rest share one fault: a bad megabyte could make 500,000."""


class _Plain(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True, rename={"ts_ms": "ts"}):
    """What most events are: a RequestEvent that its types check completely, so that it needs no `__post_init__`."""

    has_details: ClassVar[bool] = True

    ts_ms: Annotated[int, msgspec.Meta(ge=EARLIEST_MS, lt=LATEST_MS)]
    rollout: Name
    cohort: Name
    status: HttpStatus
    latency_ms: Latency
    grpc_status: GrpcStatus | None = None
    outcome: Literal["ok", "error"] | None = None
    user: Text | None = None
    success: bool | None = None
    synthetic: bool | None = None
    metrics: Metrics | None = None
    emitter: Text | None = None
    heartbeat: None = None


class _Bare(_Plain, frozen=True, gc=False):
    """A plain event whose optional fields are all absent or null: only its slot and its latency are counted."""

    has_details: ClassVar[bool] = False

    grpc_status: None = None
    outcome: None = None
    user: None = None
    success: None = None
    synthetic: None = None
    metrics: None = None
    emitter: None = None


class _Rpc(_Plain, frozen=True, gc=False, kw_only=True):
    """A plain event that has a gRPC status, and need not have one of HTTP."""

    status: HttpStatus | None = None  # type: ignore[assignment]  # wider than that of `_Plain`
    grpc_status: GrpcStatus


_bare: Final = msgspec.json.Decoder(_Bare).decode
_bare_lines: Final = msgspec.json.Decoder(_Bare).decode_lines
_plain: Final = msgspec.json.Decoder(_Plain).decode
_rpc_alone: Final = msgspec.json.Decoder(_Rpc).decode
_lines: Final = msgspec.json.Decoder(RequestEvent).decode_lines
_event: Final = msgspec.json.Decoder(RequestEvent).decode
_array: Final = msgspec.json.Decoder(list[RequestEvent]).decode
_elements: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode

_BLANK: Final = b" \t\r\n"  # the white space of JSON
_NO_OBJECT: Final = frozenset({"bad_encoding", "bad_json", "too_deep", "not_an_object", "too_many_faults"})


class NativeDecoder(Decoder):
    r"""Decodes the native format.

    >>> value = b'{"ts":1767225600123,"rollout":"r","cohort":"c","outcome":"ok","latency_ms":1}\n{"ts":1}\n'
    >>> found = NativeDecoder().decode(value)
    >>> [event.rollout for event in found.events], [(fault.index, fault.reason) for fault in found.faults]
    (['r'], [(2, 'bad_timestamp')])
    """

    def decode(self, value: bytes | None, *, max_bytes: int = MAX_BYTES) -> Decoded:
        """See `Decoder`. An empty array has no events and no faults; an absent (None) or blank value is a fault."""
        if value is None:
            return Decoded([], [Fault("empty", "the message has no value", b"", 0)])
        if len(value) > max_bytes:
            fault = Fault("oversized", f"{len(value)} bytes, more than {max_bytes}", value, 0)
            return Decoded([], [fault], unreadable_in(value[:max_bytes]))
        try:
            return Decoded([_event(value)], [])
        except UNDECODABLE as error:
            return _decode_other(value, error)

    def decode_valid(self, value: bytes | None, *, max_bytes: int = MAX_BYTES) -> list[RequestEvent] | None:
        """See `Decoder`: one valid object, or NDJSON of events that have none of the optional fields."""
        if value is None or len(value) > max_bytes:
            return None
        try:
            return [_event(value)]
        except UNDECODABLE:
            return _all_lines(value.strip(_BLANK), _bare_lines)

    def decode_run(self, values: Sequence[bytes | None], *, max_bytes: int = MAX_BYTES) -> list[RequestEvent] | None:
        """See `Decoder`: events with a status, a latency and a numeric time that are not heartbeats."""
        for event in (_bare, _plain, _rpc):  # from the cheapest kind to count to the next: a run is of one kind
            try:
                events = list(map(event, values))  # type: ignore[arg-type]  # None is a TypeError
            except UNDECODABLE:
                continue
            except TypeError:
                return None
            if max(map(len, values), default=0) > max_bytes:  # type: ignore[arg-type]
                return None
            return cast("list[RequestEvent]", events)
        return None


def _rpc(value: bytes) -> _Plain:
    """A plain event, which likely has a gRPC status: services of both kinds may share a topic."""
    try:
        return _rpc_alone(value)
    except msgspec.ValidationError:
        return _plain(value)


def _decode_other(value: bytes, error: Exception) -> Decoded:
    """Decode what is not one valid object: an array, NDJSON, or a fault."""
    text = value.strip(_BLANK)
    if not text:
        return Decoded([], [Fault("empty", "the message value is blank", value, 0)])
    if text.startswith(b"["):
        try:
            return Decoded(_array(value), [])
        except UNDECODABLE:
            pass  # an element is at fault, or the array itself
    elif (events := _all_lines(text, _lines)) is not None:
        return Decoded(events, [])
    try:
        document(value)
        elements = [bytes(element) for element in _elements(value)] if text.startswith(b"[") else None
    except UNDECODABLE:
        return _decode_lines(value, error) if b"\n" in text else _one_fault(value, error)
    if elements is None:
        return _one_fault(value, error)
    return _decode_each(enumerate(elements))


def _all_lines(text: bytes, lines: Callable[[bytes], list[Any]]) -> list[RequestEvent] | None:
    """The events of NDJSON in which each line is one, as `lines` decodes it; None if it holds anything else."""
    breaks = text.count(b"\n")
    try:
        events = lines(text) if breaks else []
    except UNDECODABLE:
        return None
    return events if len(events) == breaks + 1 else None


def _decode_lines(value: bytes, error: Exception) -> Decoded:
    """Decode NDJSON. If no line is an object by itself, the value was not meant as NDJSON: it gets one fault."""
    lines = value.split(b"\n")
    stripped = ((number, line.strip(_BLANK)) for number, line in enumerate(lines, start=1))
    decoded = _decode_each((number, line) for number, line in stripped if line)
    if not decoded.events and all(fault.reason in _NO_OBJECT for fault in decoded.faults):
        return _one_fault(value, error)
    return decoded


def _one_fault(value: bytes, error: Exception) -> Decoded:
    """The whole value is at fault."""
    fault = fault_of(value, error, 0)
    return Decoded([], [fault], unreadable_in(value) if fault.event is None else [])


def _decode_each(parts: Iterable[tuple[int, bytes]]) -> Decoded:
    """Decode element by element, good and bad ones; `parts` are (index, bytes)."""
    events: list[RequestEvent] = []
    faults: list[Fault] = []
    unreadable: list[Unreadable] = []
    beyond: list[bytes] = []
    first = last = 0
    for index, part in parts:
        try:
            events.append(_event(part))
        except UNDECODABLE as error:
            if len(faults) < MAX_FAULTS:
                faults.append(fault_of(part, error, index))
                if faults[-1].event is not None:  # it is counted, so nothing is missing
                    continue
            else:
                beyond.append(part)
                first, last = first or index, index
            unreadable += unreadable_in(part)
    if beyond:
        detail = f"{len(beyond)} more faulty elements, the last at {last}; not listed one by one"
        faults.append(Fault("too_many_faults", detail, b"\n".join(beyond), first))
    return Decoded(events, faults, unreadable)
