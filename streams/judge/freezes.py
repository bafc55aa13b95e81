"""Operators' freezes in one journal partition. Pure.

A freeze is about any number of rollouts, so the sequencer writes it to every journal partition, and each partition's
snapshot holds it. The rollouts read it with each input; nothing of it is in their own state.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gates.machine import freezes
from streams.journal import FREEZES_SCHEMA, Freeze
from streams.judge.replay_guard import ReplayGuard
from streams.judge.seen_origins import is_repeat

MOST_FREEZES = 100
"""Freezes that hold at a time; each has a label of its own."""

FORGET_MS = 86_400_000
"""A freeze is forgotten this long (wall time) after its end: the event time of a rollout may be behind."""


class TooManyFreezesError(ValueError):
    """A freeze with a new label beyond `MOST_FREEZES`."""


@dataclass(slots=True)
class Freezes:
    """The freezes by label, "" for all rollouts, and which orders were already seen, as for a rollout's orders."""

    by_label: dict[str, freezes.Freeze] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    replay_guard: ReplayGuard = field(default_factory=ReplayGuard)

    @property
    def in_force(self) -> tuple[freezes.Freeze, ...]:
        """All that were ordered and not ended; whether one holds depends on the rollout and its event time."""
        return tuple(self.by_label.values())

    def apply(self, record: Freeze, wall: int) -> bool:
        """Apply an order to freeze or unfreeze; returns whether it was new.

        Raises:
            ReplayedError: a signed order was seen before.
            TooManyFreezesError: there are `MOST_FREEZES` others.
        """
        if is_repeat(self.seen, record.origin):
            return False
        self.replay_guard.record(record, wall)
        self.by_label = {
            label: freeze
            for label, freeze in self.by_label.items()
            if freeze.until is None or freeze.until + FORGET_MS > wall
        }
        label = record.label or ""
        if not record.frozen:
            self.by_label.pop(label, None)
        elif label in self.by_label or len(self.by_label) < MOST_FREEZES:
            self.by_label[label] = freezes.Freeze(record.by, record.reason, record.label, record.until)
        else:
            raise TooManyFreezesError(f"{MOST_FREEZES} freezes hold already; end one of them first")
        return True

    def document(self, record: Freeze, partition: int) -> dict[str, object]:
        """The message on `gate-status` after an order: the order that was answered, and all freezes."""
        order = {"frozen": record.frozen, "label": record.label, "by": record.by, "at": record.at}
        return {
            "schema": FREEZES_SCHEMA,
            "partition": partition,
            "partitions": record.partitions,
            "order": order,
            "freezes": [
                {"label": freeze.label, "by": freeze.by, "reason": freeze.reason, "until": freeze.until}
                for freeze in self.in_force
            ],
        }
