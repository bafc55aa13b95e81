"""Two actuators of one name at work at the same time: their acks for one rollout alternate.

An ack names its actuator, so the ack of either confirms an order for both, whatever the other has done. An
actuator that is started again is another instance too, but the one before acks no more.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

import msgspec

from streams.runtime import metrics

MOST_WATCHED: Final = 10_000
"""Pairs of an actuator and a rollout that are watched; of more, the one without an ack for longest is left out."""
MOST_BEFORE: Final = 4
"""Instances of one name that are remembered besides the newest."""

LOG_EVERY_S: Final = 60.0

log = logging.getLogger(__name__)


class _Sender(msgspec.Struct):
    actuator: str
    rollout: str
    instance: str = ""


@dataclass(slots=True)
class _Seen:
    newest: str
    before: list[str] = field(default_factory=list)
    offsets: dict[int, int] = field(default_factory=dict)
    """The offset of the last ack, by partition."""


_decode = msgspec.json.Decoder(_Sender).decode


class Instances:
    """The instances of which acks came lately."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, str], _Seen] = OrderedDict()
        self._logged_at: dict[str, float] = {}

    def report(self, value: bytes, partition: int, offset: int) -> None:
        """Report by log and metric if this ack shows two actuators of one name."""
        name = self.doubled(value, partition, offset)
        if not name:
            return
        metrics.DOUBLED_ACTUATORS.labels(name).inc()
        now = time.monotonic()
        if now - self._logged_at.get(name, -LOG_EVERY_S) >= LOG_EVERY_S:
            self._logged_at[name] = now
            log.error(
                "two actuators are named %s and ack orders of the same rollout: the ack of either confirms for both; "
                "give each its own name, or stop one",
                name,
            )

    def doubled(self, value: bytes, partition: int, offset: int) -> str:
        """The name that this ack shows to be that of two actuators; "" if it shows nothing.

        Acks of a rollout come in order: all are in one partition, until partitions are added. Offsets that go back are
        read again, and show nothing.
        """
        sender = _decode(value)
        if not sender.instance:
            return ""  # of an older build, or of an actuator that sends none
        place = (sender.actuator, sender.rollout)
        seen = self._seen.setdefault(place, _Seen(sender.instance))
        self._seen.move_to_end(place)
        if len(self._seen) > MOST_WATCHED:
            self._seen.popitem(last=False)
        if offset <= seen.offsets.get(partition, -1):
            return ""
        seen.offsets[partition] = offset
        if sender.instance == seen.newest:
            return ""
        again = sender.instance in seen.before
        seen.before = [*(each for each in seen.before if each != sender.instance), seen.newest][-MOST_BEFORE:]
        seen.newest = sender.instance
        return sender.actuator if again else ""
