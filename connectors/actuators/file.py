"""The actuator that writes wanted weights to a JSON file, for a router that reads one."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Mapping
from pathlib import Path

from connectors.actuators.known_orders import KnownOrders, known_beside, newer
from connectors.actuators.target_file import Entry, check_writable, locked, read, replace
from connectors.actuators.wanted import Wanted

_log = logging.getLogger(__name__)


class FileActuator:
    """Keeps {rollout: {weights, stage, epoch, sequence, id, action, reason}} in a JSON file that is always complete.

    The file is replaced, never changed in place, so a reader sees the old state or the new. It is on the disk when
    `apply` returns. A link stays one, and is followed at each look and each order. Several processes may write a file:
    each locks its folder meanwhile, and keeps what the others wrote.

    The file NAME.known beside it has the newest order of each rollout. From it a file that was deleted or damaged is
    written again, with all rollouts; a damaged one is kept as NAME.damaged. If it is lost too, only the rollouts of
    this process are written again: another one may have rolled the others back meanwhile, and puts them back itself
    after its next look. After a restart the last order applied is read from the two.

    Raises:
        ValueError: the file exists and has another content.
        OSError: it cannot be read or written, or its folder does not exist.
    """

    def __init__(self, path: str | os.PathLike[str], name: str = "file") -> None:
        self.name = name
        self._path = Path(path).absolute()
        self._lock = threading.Lock()
        self._known = KnownOrders()
        self._wrote: Path | None = None
        target = self._target()
        check_writable(target)
        if not self._known.read(target):  # else an actuator wrote the file: if it is damaged, the next order mends it
            read(target)

    async def apply(self, wanted: Wanted) -> Mapping[str, float]:
        """Write the state; return its weights as read back from the file. Raises OSError, ValueError."""
        return await asyncio.to_thread(self._apply, wanted)

    def last_applied(self) -> Mapping[str, tuple[int, int]]:
        """(epoch, sequence) by rollout, as the file has them; nothing newer than the known orders. Raises OSError."""
        target = self._target()
        try:
            found = read(target)
        except ValueError:  # damaged: each order is applied again
            return {}
        known = self._known.read(target)
        return {rollout: min(entry.token, known.get(rollout, entry).token) for rollout, entry in found.items()}

    async def observe(self, wanted: Wanted) -> Mapping[str, float] | None:
        """The rollout's weights as the file has them; empty if it does not have the order. Raises OSError."""
        return await asyncio.to_thread(self._observe, wanted)

    def _observe(self, wanted: Wanted) -> Mapping[str, float] | None:
        target, order = self._target(), Entry.of(wanted)
        try:
            found = read(target).get(wanted.rollout)
        except ValueError:  # damaged
            found = None
        self._known.read(target)  # after the file: what an actuator has written there is known then
        if newer(self._known.get(wanted.rollout), order):
            return None
        return {} if found is None or newer(order, found) else found.weights

    def _apply(self, wanted: Wanted) -> Mapping[str, float]:
        # Rollouts and processes share the file, and the thread of a cancelled apply may still be writing.
        with self._lock:
            target = self._target()
            with locked(target.parent):
                if self._target() != target:  # the lock is of another folder then
                    raise OSError(f"{self._path} was pointed at another file at the same time")
                return self._write(target, wanted.rollout, Entry.of(wanted))

    def _write(self, target: Path, rollout: str, entry: Entry) -> Mapping[str, float]:
        known = self._known.read(target)
        entries = self._present(target, known)
        self._refuse_older(target, rollout, entry)
        found = entries.get(rollout)
        if found is not None and newer(found, entry):
            self._refuse_unknown(rollout, found, known)
        self._known.add(target, rollout, entry, entries)
        replace(target, entries | {rollout: entry})
        self._wrote = target
        written = read(self._path).get(rollout)
        if written != entry:  # another program, which does not lock: nothing is confirmed then
            raise ValueError(f"{self._path} was replaced by another program at the same time")
        return written.weights

    def _refuse_older(self, target: Path, rollout: str, entry: Entry) -> None:
        newest = self._known.get(rollout)
        if newest is not None and newer(newest, entry):
            raise ValueError(
                f"{self._path} already has {newest.token}, which is newer; if the gate that gave it is gone for good, "
                f"stop the actuators of this file, and delete it and {known_beside(target)}"
            )

    def _refuse_unknown(self, rollout: str, found: Entry, known: Mapping[str, Entry]) -> None:
        """Refuse to replace a newer entry, unless it is certain that no actuator wrote it."""
        if rollout not in known:
            raise ValueError(
                f"{self._path} already has {found.token}, which is newer; if the gate never gave that order (somebody "
                f"edited the file, or it is of another installation), delete {rollout!r} in it"
            )
        _log.warning("%s has %s:%s, which no actuator wrote; it is replaced", self._path, rollout, found.token)

    def _present(self, target: Path, known: Mapping[str, Entry]) -> dict[str, Entry]:
        """What the file has; where it was lost meanwhile, the rollouts whose newest orders are certain."""
        lost = self._known.newest(known.keys() | self._known.own)
        try:
            found = read(target)
        except ValueError:
            if not known and self._wrote != target:  # it was never ours: a link points at it by mistake
                raise
            damaged = target.with_name(f"{target.name}.damaged")
            target.replace(damaged)
            _log.warning("%s was damaged; it is kept as %s, and written again", target, damaged)
            return lost
        if found or not lost:
            return found
        _log.warning("%s was deleted or emptied; it is written again, with %d rollouts", target, len(lost))
        return lost

    def _target(self) -> Path:
        """The file that the path leads to now: since the start it may have become a link, or been pointed elsewhere."""
        return Path(os.path.realpath(self._path))
