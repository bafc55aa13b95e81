"""Request events as lines of a file: decoded, counted, and given the record times that a broker would have set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from connectors.decoders import RequestEvent, Unreadable
from connectors.decoders.decoder import Decoder
from connectors.decoders.registry import decoder
from streams.ingest.chunks import MAX_FUTURE_MS


@dataclass(slots=True)
class EventLines:
    """Reads lines; while they are read, `events` counts the events and `faults` the faults, by reason."""

    decoder: Decoder = field(default_factory=decoder)
    events: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    _unreadable: list[Unreadable] = field(default_factory=list)

    def timed(self, lines: Iterable[bytes]) -> Iterator[tuple[RequestEvent, int]]:
        """The events, each with its record time: its own time, unless it is far ahead of the next event's.

        A file has no broker time. One event with a wrong clock must not move the watermark past all that follow.
        """
        newest: int | None = None
        for event, following in _with_next(self._decode(lines)):
            time = event.ts_ms
            if following is not None and time > following.ts_ms + MAX_FUTURE_MS:
                time = following.ts_ms if newest is None else min(time, newest)
            newest = time if newest is None else max(newest, time)
            yield event, time

    def _decode(self, lines: Iterable[bytes]) -> Iterator[RequestEvent]:
        for line in lines:
            events = self.decoder.decode_valid(line)
            if events is not None:
                self.events += len(events)
                yield from events
            elif not line.isspace():
                found = self.decoder.decode(line)
                self.faults.update(fault.reason for fault in found.faults)
                self.events += len(found.events)
                self._unreadable += found.unreadable
                yield from found.counted

    def drain_unreadable(self) -> list[Unreadable]:
        """The unreadable events since the last call, up to the event after the one that `timed` gave last."""
        found, self._unreadable = self._unreadable, []
        return found


def _with_next(events: Iterable[RequestEvent]) -> Iterator[tuple[RequestEvent, RequestEvent | None]]:
    before: RequestEvent | None = None
    for event in events:
        if before is not None:
            yield before, event
        before = event
    if before is not None:
        yield before, None
