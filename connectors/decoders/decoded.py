"""What one message holds once it is decoded: its events, and a fault for each element that is not one."""

from __future__ import annotations

from typing import Final, Literal, get_args

import msgspec

from connectors.decoders.event import RequestEvent

MAX_BYTES: Final = 1_048_576
"""The largest message value that is decoded, in bytes: Kafka's own default for a record batch."""

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
"""Every reason that a fault can have. It is a metrics label, so the set is closed."""


class Fault(msgspec.Struct, frozen=True, gc=False):
    """Why some bytes are not an event.

    `reason` is one of REASONS. `detail` is a printable sentence for people that names the field. `raw` holds the bytes
    of the faulty element alone. `index` is the element's position from 0 in an array, its line number from 1 in NDJSON,
    and 0 if the message as a whole is at fault. If the only fault is a missing cohort, `event` is the event with the
    cohort "", so that it can still be counted.
    """

    reason: Reason
    detail: str
    raw: bytes
    index: int
    event: RequestEvent | None = None


class Unreadable(msgspec.Struct, frozen=True, gc=False):
    """An event of which little can be read: its rollout at least.

    `cohort` is "" if that cannot be read, and `ts_ms` is None if the time cannot.
    """

    rollout: str
    cohort: str
    ts_ms: int | None = None
    synthetic: bool = False


class Decoded(msgspec.Struct, frozen=True):
    """The content of one message value: its events in order, and a fault for each element that is not an event.

    `unreadable` are the events among the other faults, as far as it can be read whose they are.
    """

    events: list[RequestEvent]
    faults: list[Fault]
    unreadable: list[Unreadable] = msgspec.field(default_factory=list)

    @property
    def counted(self) -> list[RequestEvent]:
        """All that can be counted: the events, then those whose only fault is a missing cohort."""
        return self.events + [fault.event for fault in self.faults if fault.event is not None]
