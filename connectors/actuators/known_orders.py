"""The newest order of each rollout that actuators of a file were given: on the disk beside it, and in memory."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from pathlib import Path

from connectors.actuators.target_file import Entry, read, replace


def known_beside(target: Path) -> Path:
    """The file of known orders: in the folder that is locked, so all processes that write the target share it."""
    return target.with_name(f"{target.name}.known")


class KnownOrders:
    """Orders by rollout; `own` are the rollouts whose orders this process carried out.

    On the disk they are written before the target, under its lock. So they are never older than what an actuator has
    written there, and a target with a newer order was written by something else. Memory has what was read there last,
    for the case that the file of known orders is lost.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: dict[str, Entry] = {}
        self.own: set[str] = set()

    def read(self, target: Path) -> dict[str, Entry]:
        """What the disk has; nothing if it is damaged. Raises OSError."""
        try:
            found = read(known_beside(target))
        except ValueError:
            return {}
        self._learn(found)
        return found

    def add(self, target: Path, rollout: str, entry: Entry, present: Mapping[str, Entry]) -> None:
        """Write an order that is carried out now, where `present` is what the target has. Raises OSError.

        If the disk lost the other orders of this process, it gets them again, unless the target has a newer one: who
        gave that is unknown.
        """
        found = self.read(target)
        own = {name: order for name, order in self.newest(self.own).items() if not newer(present.get(name), order)}
        wanted = own | found | {rollout: entry}
        if wanted != found:
            replace(known_beside(target), wanted)
        self._learn({rollout: entry})
        self.own.add(rollout)

    def get(self, rollout: str) -> Entry | None:
        """The newest known order of a rollout."""
        return self._newest.get(rollout)

    def newest(self, rollouts: Iterable[str]) -> dict[str, Entry]:
        """The newest known orders of some rollouts."""
        return {rollout: self._newest[rollout] for rollout in rollouts}

    def _learn(self, entries: Mapping[str, Entry]) -> None:
        with self._lock:  # looks and applies run in threads
            self._newest |= {name: entry for name, entry in entries.items() if not newer(self.get(name), entry)}


def newer(one: Entry | None, other: Entry) -> bool:
    """Whether the first exists and is the newer."""
    return one is not None and one.token > other.token
