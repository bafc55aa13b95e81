"""Request events as lines of a file: decoded, counted, and given the record times that a broker would have set.

A worker relies on the record's time: an event far ahead of it counts at the record's time, and one far behind is late.
A line may have it in front of the event, as `kafka-console-consumer --property print.timestamp=true` prints it
(`CreateTime:1767225600000`, a tab, the event). For a line without one the events that follow stand for the clock: an
event that is more than a minute ahead of most of them has a wrong clock, and so has one that is as far behind.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from connectors.decoders import RequestEvent, Unreadable
from connectors.decoders.decoder import Decoder
from connectors.decoders.registry import decoder
from streams.ingest.chunks import MAX_FUTURE_MS

FOLLOWING = 100
"""How many of the events that follow stand for the clock of a line without a record time."""

RECORD_TIME = re.compile(rb"(?:CreateTime|LogAppendTime):(\d{1,15})\t")

Timed = tuple[RequestEvent, int | None]
"""An event and its record time in milliseconds, None where the line has none."""


@dataclass(slots=True)
class EventLines:
    """Reads lines; while they are read, counts the events (by rollout) and the faults (by reason).

    `recorded` is whether lines had the times of their records, `newest` the newest record time so far.
    """

    decoder: Decoder = field(default_factory=decoder)
    rollouts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    recorded: bool = False
    newest: int = 0
    _unreadable: deque[tuple[int, Unreadable]] = field(default_factory=deque)
    """Unreadable events, each with how many events were read before it."""
    _read: int = 0
    _given: int = 0

    @property
    def events(self) -> int:
        """The events read so far, of all rollouts."""
        return self.rollouts.total()

    def timed(self, lines: Iterable[bytes]) -> Iterator[tuple[RequestEvent, int]]:
        """The events, each with its record's time; without one its own time, unless its clock is far ahead.

        One event with a wrong clock, or all of one cohort, must not move the watermark past the others.
        """
        decoded = self._decode(lines)
        following: deque[Timed] = deque(islice(decoded, FOLLOWING))
        first = True
        while following:
            event, time = following.popleft()
            following.extend(islice(decoded, 1))
            if time is None:
                time = _inferred(event.ts_ms, None if first else self.newest, following)
            self.newest, first = max(self.newest, time), False
            self._given += 1
            yield event, time

    def _decode(self, lines: Iterable[bytes]) -> Iterator[Timed]:
        for whole in lines:
            time, line = self._split(whole)
            events = self.decoder.decode_valid(line)
            if events is None:
                if line.isspace():
                    continue
                found = self.decoder.decode(line)
                self.faults.update(fault.reason for fault in found.faults)
                self.rollouts.update(event.rollout for event in found.events)
                self._unreadable += ((self._read, each) for each in found.unreadable)
                events = found.counted
            else:
                self.rollouts.update(event.rollout for event in events)
            self._read += len(events)
            for event in events:
                yield event, time

    def _split(self, line: bytes) -> tuple[int | None, bytes]:
        """The record's time, if the line has one, and the rest of the line."""
        if not line.startswith((b"CreateTime:", b"LogAppendTime:")):
            return None, line
        found = RECORD_TIME.match(line)
        if found is None:
            return None, line
        self.recorded = True
        return int(found[1]), line[found.end() :]

    def drain_unreadable(self) -> list[Unreadable]:
        """The unreadable events since the last call, up to the event after the one that `timed` gave last."""
        found = []
        while self._unreadable and self._unreadable[0][0] <= self._given:
            found.append(self._unreadable.popleft()[1])
        return found


def _inferred(time: int, newest: int | None, following: deque[Timed]) -> int:
    """The record time that stands for a missing one: the event's own, or that of the clock that most events share."""
    if not following:
        return time
    if newest is None:
        return _first(time, [event.ts_ms for event, _ in following])
    if time <= min(following[0][0].ts_ms, newest) + MAX_FUTURE_MS:
        return time
    ahead = time > _middle([event.ts_ms for event, _ in following]) + MAX_FUTURE_MS
    return min(time, newest) if ahead else time


def _first(time: int, others: list[int]) -> int:
    """That of the first event, at which the rollout starts: what is behind among others that are not is a wrong clock.

    Events that are all behind those after them were there before a gap.
    """
    middle = _middle(others)
    if time > middle + MAX_FUTURE_MS:
        return middle
    least = middle - MAX_FUTURE_MS
    right = next(number for number, other in enumerate(others) if other >= least)
    mixed = any(other < least for other in others[right:])
    return others[right] if time < least and mixed else time


def _middle(times: list[int]) -> int:
    """The lower median."""
    return sorted(times)[(len(times) - 1) // 2]
