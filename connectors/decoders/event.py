"""RequestEvent: one request as its producer observed it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal

import msgspec
from msgspec import Meta

from gates.statuses import GRPC, GRPC_NAMES, grpc_class

CLASS_INDEX: Final[Mapping[int | str | None, int]] = {
    **{status: status // 100 - 1 for status in range(100, 600)},
    "ok": 5,
    "error": 6,
    0: 6,
    -1: 6,
    **{GRPC + status: {"ok": 5, "error": 6, "4xx": 3}[grpc_class(status)] for status in range(len(GRPC_NAMES))},
}
"""Position in CLASSES by what an event counts as: `CLASS_INDEX[result_of(event)]`.

A table, since a call for each event would be a large part of what counting it costs."""

EARLIEST_MS: Final = 10**11
"""First accepted time stamp, in milliseconds (March 1973); as a number of seconds it would be the year 5138."""
LATEST_MS: Final = 10**14
"""First time stamp refused as too large, in milliseconds (the year 5138); as microseconds it would be March 1973."""

_ABSENT: Final = -1.0
"""Stands for a `latency_ms` that is absent, unlike one that is null, until `__post_init__` checks that it may be."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TEXTUAL: Final[type[object]] = str  # __post_init__ makes a number of it

_LONG_FRACTION: Final = re.compile(r"(\.\d{6})\d+")
_LONGEST_PLAIN: Final = len("2026-01-01T00:00:00.000000Z")
_read_text: Final[Callable[[str], datetime]] = partial(msgspec.convert, type=Annotated[datetime, Meta(tz=True)])

if TYPE_CHECKING:  # on the wire a number or RFC 3339 text; in the event always a number
    Milliseconds = int
else:
    Milliseconds = (
        Annotated[int, Meta(ge=EARLIEST_MS, lt=LATEST_MS)] | Annotated[str, Meta(extra={"form": "RFC 3339 text"})]
    )

Name = Annotated[str, Meta(min_length=1, max_length=128)]
Text = Annotated[str, Meta(max_length=256)]
Status = Annotated[int, Meta(ge=-1, lt=600)]
HttpStatus = Annotated[int, Meta(ge=100, lt=600)]
GrpcStatus = Annotated[int, Meta(ge=0, lt=len(GRPC_NAMES))]
Latency = Annotated[float, Meta(ge=0)]
Metrics = Annotated[dict[Annotated[str, Meta(max_length=64)], float], Meta(max_length=32)]


class RequestEvent(
    msgspec.Struct,
    frozen=True,
    gc=False,  # no field can reach back to the event, so the collector need not walk millions of them
    kw_only=True,
    omit_defaults=True,
    rename={"ts_ms": "ts"},
):
    """One request: its time, rollout, cohort, outcome and latency.

    `ts_ms` is event time in milliseconds since the epoch; on the wire it is `ts`, that number or RFC 3339 text, which
    is cut to the millisecond. `latency_ms` is in milliseconds; None where the request failed and has none, or where the
    producer wrote null. `status` 0 or -1 is a request without an answer, as proxies log it: an error. At least one of
    `status` (HTTP, RFC 9110), `grpc_status` and `outcome` is given. The producer's own judgement wins: the event counts
    as its outcome if it has one, else as its gRPC status; but an OK of gRPC does not hide an HTTP error. `success` is
    whether the business transaction behind the request succeeded. `emitter` is the instance that reports. Lengths are
    in characters; null stands for an absent optional field; unknown fields are ignored.

    A `heartbeat` is not a request: it reports that an emitter is alive. It has an `emitter`, and needs neither latency
    nor outcome. `cohort` is empty only in an event that came without one (`Fault.event`).

    The limits hold for decoded events. Calling the class checks only that the fields required together are present and
    that a time stamp of text is in range, and raises ValueError.

    >>> from gates.panes import CLASSES
    >>> event = msgspec.json.decode(
    ...     b'{"ts": "2026-01-01T00:00:00.123Z", "rollout": "r", "cohort": "c", "status": 503, "latency_ms": 12.7}',
    ...     type=RequestEvent,
    ... )
    >>> event.ts_ms, CLASSES[CLASS_INDEX[result_of(event)]]
    (1767225600123, '5xx')
    """

    has_details: ClassVar[bool] = True
    """Whether an event of this class may have more than a time, a rollout, a cohort, a status and a latency."""

    ts_ms: Milliseconds
    rollout: Name
    cohort: Name
    latency_ms: Latency | None = _ABSENT
    status: Status | None = None
    grpc_status: GrpcStatus | None = None
    outcome: Literal["ok", "error"] | None = None
    user: Text | None = None
    success: bool | None = None
    synthetic: bool | None = None
    metrics: Metrics | None = None
    emitter: Text | None = None
    heartbeat: bool | None = None

    def __post_init__(self) -> None:
        """Check the rules that span fields, and make the time stamp a number."""
        status = self.status
        if status is not None and 0 < status < 100:
            raise ValueError("Expected `int` from 100 to 599, or 0 or -1 without an answer - at `$.status`")
        absent = self.latency_ms == _ABSENT
        if self.heartbeat:
            if not self.emitter:
                raise ValueError("Object missing required field `emitter`")
        elif absent and not self._failed:
            raise ValueError("Object missing required field `latency_ms`")
        elif result_of(self) is None:
            raise ValueError("Object missing required field `status`, `grpc_status` or `outcome`")
        if absent:
            msgspec.structs.force_setattr(self, "latency_ms", None)
        if self.ts_ms.__class__ is _TEXTUAL:
            msgspec.structs.force_setattr(self, "ts_ms", from_text(self.ts_ms))

    @property
    def _failed(self) -> bool:
        """Whether the request failed, so that it may have no latency: it need not have ended."""
        if self.outcome is not None:
            return self.outcome == "error"
        return bool(self.grpc_status) or _is_http_error(self.status)


def result_of(event: RequestEvent) -> int | str | None:
    """What an event counts as: its outcome, else the code of its gRPC status, else its HTTP status.

    gRPC's OK beside an HTTP status that is an error (0, -1, 4xx or 5xx) counts as that: a proxy may have answered in
    place of the server, and 0 is also what a producer writes that has no gRPC status. A heartbeat may have none of
    them.
    """
    if event.outcome is not None:
        return event.outcome
    if event.grpc_status is None or (event.grpc_status == 0 and _is_http_error(event.status)):
        return event.status
    return GRPC + event.grpc_status


def _is_http_error(status: int | None) -> bool:
    """Whether it is a status of 4xx or 5xx, or stands for a request without an answer."""
    return status is not None and not 100 <= status < 400


def from_text(text: Any) -> int:
    """Whole milliseconds since the epoch of RFC 3339 text, cut downwards; ValueError if it is none, or out of range.

    Digits beyond the microsecond are cut off first, because msgspec rounds them: the last nanosecond of a second would
    belong to the next second, and so to another cell.

    >>> from_text("2026-01-01T00:00:00.999999999Z")
    1767225600999
    """
    if len(text) > _LONGEST_PLAIN:
        text = _LONG_FRACTION.sub(r"\1", text, count=1)
    try:
        return to_ms(_read_text(text))
    except msgspec.ValidationError as error:
        raise ValueError(f"{error} - at `$.ts`") from None


def to_ms(moment: datetime) -> int:
    """Whole milliseconds since the epoch, cut downwards; ValueError if out of range."""
    since: timedelta = moment - _EPOCH
    ts_ms = since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000
    if not EARLIEST_MS <= ts_ms < LATEST_MS:
        raise ValueError("Timestamp out of range - at `$.ts`")
    return ts_ms
