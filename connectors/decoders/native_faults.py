"""Why an element of the native format is not an event, in words for the person who produced it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final

import msgspec

from connectors.decoders.decoded import Fault, Reason
from connectors.decoders.event import EARLIEST_MS, LATEST_MS, RequestEvent

UNDECODABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises on bad input."""
LONGEST_DETAIL: Final = 200
"""Characters of a detail that are kept."""


class _Stamped(msgspec.Struct):
    ts: msgspec.Raw


if TYPE_CHECKING:  # the decoder accepts null, and the event then has an empty cohort
    NoCohort = str
else:
    NoCohort = Annotated[str, msgspec.Meta(max_length=0)] | None


class _Untagged(RequestEvent, frozen=True, gc=False):
    """An event without a cohort: absent, null or empty."""

    cohort: NoCohort = ""


document: Final = msgspec.json.Decoder(msgspec.Raw).decode
"""Checks the syntax of JSON, and builds nothing."""
_stamped: Final = msgspec.json.Decoder(_Stamped).decode
_untagged: Final = msgspec.json.Decoder(_Untagged).decode

_AT: Final = re.compile(r"(?s)(?P<what>.*) - at (?P<where>.*)")
_UNITS: Final[tuple[tuple[float, float, Reason, str], ...]] = (
    (1e8, 1e11, "timestamp_in_seconds", "seconds"),
    (1e14, 1e17, "timestamp_in_microseconds", "microseconds"),
    (1e17, 1e20, "timestamp_in_nanoseconds", "nanoseconds"),
)


def fault_of(raw: bytes, error: Exception, index: int) -> Fault:
    """The fault of an element on which msgspec raised `error`: first as text, then as JSON, then as an event."""
    try:
        document(raw)  # broken JSON comes first: a wrong field before the break is of no interest
    except UNDECODABLE as broken:
        error = broken
    if isinstance(error, RecursionError):
        return Fault("too_deep", "nested too deeply", raw, index)
    if isinstance(error, UnicodeDecodeError) or not _is_utf8(raw):
        return Fault("bad_encoding", "not UTF-8", raw, index)
    if not isinstance(error, msgspec.ValidationError):
        return Fault("bad_json", _printable(str(error)), raw, index)
    try:
        reason, detail = _explain(raw, str(error))
    except RecursionError:  # nested just deep enough to pass the syntax check above
        return Fault("too_deep", "nested too deeply", raw, index)
    event = _without_cohort(raw) if detail.startswith("cohort: ") else None
    return Fault(reason, _printable(detail), raw, index, event)


def _without_cohort(raw: bytes) -> RequestEvent | None:
    """The event with the cohort "", if a missing cohort is its only fault."""
    try:
        found = _untagged(raw)
    except UNDECODABLE:
        return None
    return RequestEvent(**{**msgspec.structs.asdict(found), "cohort": ""})


def _explain(raw: bytes, message: str) -> tuple[Reason, str]:
    """Reason and detail from msgspec's message about a wrong object; a message not foreseen here is a wrong field."""
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
    """Recognise a time stamp in another unit by its size (no two ranges overlap); all others are simply wrong."""
    ts = bytes(_stamped(raw).ts)[:40].decode(errors="replace")  # the cut may split a character
    try:
        size = float(ts)
    except ValueError:
        if not ts.startswith('"'):
            what = "Expected milliseconds since the epoch or RFC 3339 text"
        return "bad_timestamp", f"ts: {what[:1].lower()}{what[1:]}, got {ts}"
    for low, high, reason, unit in _UNITS:
        if low <= size < high:
            return reason, f"ts: {ts} looks like {unit} since the epoch; milliseconds are expected"
    if EARLIEST_MS <= size < LATEST_MS:
        return "bad_timestamp", f"ts: {ts} is not a whole number"
    return "bad_timestamp", f"ts: {ts} is out of range: {EARLIEST_MS} up to {LATEST_MS} milliseconds since the epoch"


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _printable(text: str) -> str:
    """The text without control characters and cut: it comes from outside and goes to logs and terminals."""
    return "".join(char if char.isprintable() else "?" for char in text[:LONGEST_DETAIL])
