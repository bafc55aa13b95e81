"""The native format: a message value is one JSON object, a JSON array of objects, or NDJSON.

JSON as in RFC 8259 (so no NaN, no Infinity, UTF-8 without a byte order mark), times as in RFC 3339, one object a line
as in NDJSON, where CRLF and blank lines are let pass. Nothing here raises on bad input: what is malformed becomes a
Fault that names the smallest element at fault, and the good elements around it are kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, cast, get_args

import msgspec

from connectors.decoders.event import EARLIEST_MS, LATEST_MS, Latency, Metrics, Name, RequestEvent, Status, Text

MAX_BYTES: Final = 1_048_576
"""Largest message value taken, in bytes: Kafka's own default for a record batch."""
MAX_FAULTS: Final = 1000
"""Faults told one by one for a message; the elements beyond share one, or a poison megabyte makes 500,000 of them."""

Reason = Literal[
    "empty",
    "oversized",
    "bad_encoding",
    "bad_json",
    "too_deep",
    "not_an_object",
    "missing_field",
    "wrong_field",
    "bad_timestamp",
    "timestamp_in_seconds",
    "timestamp_in_microseconds",
    "timestamp_in_nanoseconds",
    "too_many_faults",
]
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)
"""Every reason a fault can have: the closed set of a metrics label."""


class Fault(msgspec.Struct, frozen=True, gc=False):
    """Why bytes are not an event.

    `reason` is a machine word out of REASONS, `detail` a printable sentence for people that names the field, `raw` the
    bytes of the faulty element alone. `index` is its position from 0 in an array, its line number from 1 in NDJSON,
    and 0 if the message as a whole is at fault. Where nothing is wrong but that there is no cohort, `event` is what can
    be counted all the same, with the cohort "".
    """

    reason: Reason
    detail: str
    raw: bytes
    index: int
    event: RequestEvent | None = None


class Decoded(msgspec.Struct, frozen=True):
    """What one message value held: its events in order, and a fault for each element that is none."""

    events: list[RequestEvent]
    faults: list[Fault]

    @property
    def counted(self) -> list[RequestEvent]:
        """All that can be counted: the events, and then those that lack nothing but a cohort."""
        return self.events + [fault.event for fault in self.faults if fault.event is not None]


class _Stamped(msgspec.Struct):
    ts: msgspec.Raw


if TYPE_CHECKING:  # what is read may be null; what is kept is an event's cohort, and empty
    NoCohort = str
else:
    NoCohort = Annotated[str, msgspec.Meta(max_length=0)] | None


class _Untagged(RequestEvent, frozen=True, gc=False):
    """An event without a cohort: absent, null or empty."""

    cohort: NoCohort = ""


class _Plain(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True, rename={"ts_ms": "ts"}):
    """What most events are: a RequestEvent that its types alone say all about, so that nothing is left to check."""

    has_details: ClassVar[bool] = True

    ts_ms: Annotated[int, msgspec.Meta(ge=EARLIEST_MS, lt=LATEST_MS)]
    rollout: Name
    cohort: Name
    status: Status
    latency_ms: Latency
    outcome: Literal["ok", "error"] | None = None
    user: Text | None = None
    success: bool | None = None
    synthetic: bool | None = None
    metrics: Metrics | None = None
    emitter: Text | None = None
    heartbeat: None = None


class _Bare(_Plain, frozen=True, gc=False):
    """A plain event that has none of the optional fields, or null there."""

    has_details: ClassVar[bool] = False

    outcome: None = None
    user: None = None
    success: None = None
    synthetic: None = None
    metrics: None = None
    emitter: None = None


_bare: Final = msgspec.json.Decoder(_Bare).decode
_bare_lines: Final = msgspec.json.Decoder(_Bare).decode_lines
_plain: Final = msgspec.json.Decoder(_Plain).decode
_lines: Final = msgspec.json.Decoder(RequestEvent).decode_lines
_event: Final = msgspec.json.Decoder(RequestEvent).decode
_array: Final = msgspec.json.Decoder(list[RequestEvent]).decode
_document: Final = msgspec.json.Decoder(msgspec.Raw).decode  # reads the syntax, builds nothing
_elements: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_stamped: Final = msgspec.json.Decoder(_Stamped).decode
_untagged: Final = msgspec.json.Decoder(_Untagged).decode

_UNDECODABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_BLANK: Final = b" \t\r\n"  # the white space of JSON
_NO_OBJECT: Final = frozenset({"bad_encoding", "bad_json", "too_deep", "not_an_object", "too_many_faults"})
_AT: Final = re.compile(r"(?s)(?P<what>.*) - at (?P<where>.*)")
_UNITS: Final[tuple[tuple[float, float, Reason, str], ...]] = (
    (1e8, 1e11, "timestamp_in_seconds", "seconds"),
    (1e14, 1e17, "timestamp_in_microseconds", "microseconds"),
    (1e17, 1e20, "timestamp_in_nanoseconds", "nanoseconds"),
)


def decode(value: bytes | None, *, max_bytes: int = MAX_BYTES) -> Decoded:
    r"""Decode one message value of any shape; never raises on bad input.

    An empty array holds no events and no faults; an absent (None) or blank value is a fault.

    >>> found = decode(b'{"ts":1767225600123,"rollout":"r","cohort":"c","outcome":"ok","latency_ms":1}\n{"ts":1}\n')
    >>> [event.rollout for event in found.events], [(fault.index, fault.reason) for fault in found.faults]
    (['r'], [(2, 'bad_timestamp')])
    """
    if value is None:
        return Decoded([], [Fault("empty", "the message has no value", b"", 0)])
    if len(value) > max_bytes:
        return Decoded([], [Fault("oversized", f"{len(value)} bytes, more than {max_bytes}", value, 0)])
    try:
        return Decoded([_event(value)], [])
    except _UNDECODABLE as error:
        return _decode_other(value, error)


def decode_one(value: bytes | None, *, max_bytes: int = MAX_BYTES) -> RequestEvent | None:
    """Decode the usual value, one valid object; None means: ask `decode`, which knows the other shapes and faults."""
    if value is None or len(value) > max_bytes:
        return None
    try:
        return _event(value)
    except _UNDECODABLE:
        return None


def decode_run(values: Sequence[bytes | None], *, max_bytes: int = MAX_BYTES) -> list[RequestEvent] | None:
    """Decode message values that each hold one event of the plain kind, fast; None means: ask `decode_one` for each.

    Plain is an event with a status and a latency, its time as a number, that is no heartbeat. What is given has the
    fields of RequestEvent, and the same values that `decode_one` finds; all are of one class.
    """
    for event in (_bare, _plain):
        try:
            events = list(map(event, values))  # type: ignore[arg-type]  # None is a TypeError
        except _UNDECODABLE:
            continue
        except TypeError:
            return None
        if max(map(len, values), default=0) > max_bytes:  # type: ignore[arg-type]
            return None
        return cast("list[RequestEvent]", events)
    return None


def decode_lines(value: bytes | None, *, max_bytes: int = MAX_BYTES) -> list[RequestEvent] | None:
    """Decode NDJSON of plain events that have none of the optional fields, fast; None means: ask `decode`.

    What is given has the fields of RequestEvent, and the same values that `decode` finds; all are of one class.
    """
    if value is None or len(value) > max_bytes:
        return None
    return _all_lines(value.strip(_BLANK), _bare_lines)


def _decode_other(value: bytes, error: Exception) -> Decoded:
    """Decode what is not one valid object: an array, NDJSON, or a fault."""
    text = value.strip(_BLANK)
    if not text:
        return Decoded([], [Fault("empty", "the message value is blank", value, 0)])
    if text.startswith(b"["):
        try:
            return Decoded(_array(value), [])
        except _UNDECODABLE:
            pass  # an element is at fault, or the array itself
    elif (events := _all_lines(text, _lines)) is not None:
        return Decoded(events, [])
    try:
        _document(value)
        elements = [bytes(element) for element in _elements(value)] if text.startswith(b"[") else None
    except _UNDECODABLE:
        return _decode_lines(value, error) if b"\n" in text else Decoded([], [_fault(value, error, 0)])
    if elements is None:
        return Decoded([], [_fault(value, error, 0)])
    return _decode_each(enumerate(elements))


def _all_lines(text: bytes, lines: Callable[[bytes], list[Any]]) -> list[RequestEvent] | None:
    """The events of NDJSON in which each line is one, as `lines` decodes it; None where anything else is in it."""
    breaks = text.count(b"\n")
    try:
        events = lines(text) if breaks else []
    except _UNDECODABLE:
        return None
    return events if len(events) == breaks + 1 else None


def _decode_lines(value: bytes, error: Exception) -> Decoded:
    """Decode NDJSON; where no line is an object by itself it was not meant as NDJSON: one fault, for the whole."""
    lines = value.split(b"\n")
    stripped = ((number, line.strip(_BLANK)) for number, line in enumerate(lines, start=1))
    decoded = _decode_each((number, line) for number, line in stripped if line)
    if not decoded.events and all(fault.reason in _NO_OBJECT for fault in decoded.faults):
        return Decoded([], [_fault(value, error, 0)])
    return decoded


def _decode_each(parts: Iterable[tuple[int, bytes]]) -> Decoded:
    """Decode element by element, the good and the bad; `parts` are (index, bytes)."""
    events: list[RequestEvent] = []
    faults: list[Fault] = []
    beyond: list[bytes] = []
    first = last = 0
    for index, part in parts:
        try:
            events.append(_event(part))
        except _UNDECODABLE as error:
            if len(faults) < MAX_FAULTS:
                faults.append(_fault(part, error, index))
            else:
                beyond.append(part)
                first, last = first or index, index
    if beyond:
        detail = f"{len(beyond)} more faulty elements, the last at {last}; not told apart"
        faults.append(Fault("too_many_faults", detail, b"\n".join(beyond), first))
    return Decoded(events, faults)


def _fault(raw: bytes, error: Exception, index: int) -> Fault:
    """Say what is wrong with an element that `error` stopped: first as text, then as JSON, then as an event."""
    try:
        _document(raw)  # a wrong field is no news if the JSON breaks off behind it
    except _UNDECODABLE as broken:
        error = broken
    if isinstance(error, RecursionError):
        return Fault("too_deep", "nested too deeply", raw, index)
    if isinstance(error, UnicodeDecodeError) or not _is_utf8(raw):
        return Fault("bad_encoding", "not UTF-8", raw, index)
    if not isinstance(error, msgspec.ValidationError):
        return Fault("bad_json", _printable(str(error)), raw, index)
    try:
        reason, detail = _explain(raw, str(error))
    except RecursionError:  # nested just short of what the syntax check above could bear
        return Fault("too_deep", "nested too deeply", raw, index)
    event = _without_cohort(raw) if detail.startswith("cohort: ") else None
    return Fault(reason, _printable(detail), raw, index, event)


def _without_cohort(raw: bytes) -> RequestEvent | None:
    """The event with the cohort "", if nothing is wrong with it but that it has none."""
    try:
        found = _untagged(raw)
    except _UNDECODABLE:
        return None
    return RequestEvent(**{**msgspec.structs.asdict(found), "cohort": ""})


def _explain(raw: bytes, message: str) -> tuple[Reason, str]:
    """Turn msgspec's account of a wrong object into our words; an account not foreseen here is a wrong field."""
    at = _AT.fullmatch(message)
    if at is None:
        if message.startswith("Object missing"):
            return "missing_field", message.partition("field ")[2].replace("`", "") + ": required, and absent"
        return ("not_an_object" if message.startswith("Expected `object`") else "wrong_field"), message
    what, where = at["what"], at["where"].replace("`", "").replace("$.", "").replace("key in", "a name in")
    if where == "ts":
        return _explain_timestamp(raw, what)
    return "wrong_field", f"{where}: {what[:1].lower()}{what[1:]}"


def _explain_timestamp(raw: bytes, what: str) -> tuple[Reason, str]:
    """Tell a time stamp in another unit (by its size: no two ranges overlap) from one that is simply wrong."""
    ts = bytes(_stamped(raw).ts)[:40].decode(errors="replace")  # the cut may split a character
    try:
        size = float(ts)
    except ValueError:
        if not ts.startswith('"'):
            what = "Expected milliseconds since the epoch or RFC 3339 text"
        return "bad_timestamp", f"ts: {what[:1].lower()}{what[1:]}, got {ts}"
    for low, high, reason, unit in _UNITS:
        if low <= size < high:
            return reason, f"ts: {ts} looks like {unit} since the epoch; milliseconds are wanted"
    if EARLIEST_MS <= size < LATEST_MS:
        return "bad_timestamp", f"ts: {ts} is not a whole number"
    return "bad_timestamp", f"ts: {ts} is out of range: {EARLIEST_MS} up to {LATEST_MS} milliseconds since the epoch"


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _printable(text: str, limit: int = 200) -> str:
    """Keep a stranger's bytes from reaching a terminal or a log as control characters, or by the megabyte."""
    return "".join(char if char.isprintable() else "?" for char in text[:limit])
