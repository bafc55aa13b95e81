"""Two actuators of one name at work at the same time: their acks for one rollout alternate.

An ack names its actuator, so the ack of either confirms an order for both, whatever the other has done. An actuator
that is started again is another instance too, but the one before acks no more. Decides nothing: an older build sends
no instance, and a judge that has just recovered a partition has not seen the acks before.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from streams.judge.outputs import AckedBy
from streams.runtime import metrics

MOST_WATCHED: Final = 10_000
"""Pairs of an actuator and a rollout that are watched; of more, the one without an ack for longest is left out."""
MOST_BEFORE: Final = 4
"""Instances of one name that are remembered besides the newest."""

LONGEST_INSTANCE: Final = 64
"""Characters of an instance that count; whoever may send acks chooses them."""

LOG_EVERY_S: Final = 60.0

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Seen:
    """What the acks of one actuator for one rollout show, up to the journal's `offset`.

    `order` is the newest one acked, `first` the instance that acked it first, and `shared`: others acked it as well.
    """

    newest: str
    order: tuple[int, int]
    first: str
    offset: int = -1
    before: list[str] = field(default_factory=list)
    shared: bool = False
    doubled: bool = False

    def add(self, instance: str, order: tuple[int, int]) -> bool:
        """Add an ack; returns whether it shows two at work: it is from an instance that another had replaced."""
        if order > self.order:
            if not self.shared:
                self.doubled = False  # one of them acked the order before alone: the other has gone
            self.order, self.first, self.shared = order, instance, False
        elif order == self.order and instance != self.first:
            self.shared = True
        if instance == self.newest:
            return False
        again = instance in self.before
        self.before = [*(each for each in self.before if each != instance), self.newest][-MOST_BEFORE:]
        self.newest = instance
        self.doubled = self.doubled or again
        return again


class Instances:
    """The instances of which acks came lately."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, str], _Seen] = OrderedDict()
        self._doubled: set[tuple[str, str]] = set()
        self._logged_at: dict[str, float] = {}

    def add(self, acked: AckedBy) -> None:
        """Report by log and metric if this ack shows two actuators of one name.

        All acks of a rollout are in one partition. Offsets that go back are read again, and show nothing.
        """
        place, instance = (acked.rollout, acked.actuator), acked.instance[:LONGEST_INSTANCE]
        seen = self._seen.setdefault(place, _Seen(instance, acked.order, instance))
        self._seen.move_to_end(place)
        if len(self._seen) > MOST_WATCHED:
            self._doubled.discard(self._seen.popitem(last=False)[0])
        if acked.offset <= seen.offset:
            return
        seen.offset = acked.offset
        if seen.add(instance, acked.order):
            self._report(acked.actuator)
        (self._doubled.add if seen.doubled else self._doubled.discard)(place)

    def doubled(self, rollout: str) -> list[str]:
        """The names that two actuators of a rollout have, as far as its last two orders show."""
        return sorted(actuator for name, actuator in self._doubled if name == rollout)

    def _report(self, name: str) -> None:
        metrics.DOUBLED_ACTUATORS.labels(name).inc()
        now = time.monotonic()
        if now - self._logged_at.get(name, -LOG_EVERY_S) >= LOG_EVERY_S:
            self._logged_at[name] = now
            log.error(
                "two actuators are named %s and ack orders of the same rollout: the ack of either confirms for both; "
                "give each its own name, or stop one",
                name,
            )
