"""What `gate-decisions` already has, compared with what the fold decides when it folds the same records again. Pure.

A judge folds records that another one has folded before: those after the last snapshot, and all of them where there is
no snapshot. It must decide the same. A published decision was carried out, and another one under its id, or under a
later one, would undo it. So the decisions are compared at each offset, and a rollout that would be decided otherwise is
set aside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import orjson

from gates.decisions import Action, Decision

EFFECTS = ("action", "stage", "weights", "cohorts")
"""The fields in which two decisions of one id must agree. Texts and figures have no effect on an actuator, and a later
build may show more of them."""


RAISING = (Action.ADVANCE, Action.PROMOTE, Action.RESUME)
"""These must not be made in hindsight, about records that were judged without them. A rollback is carried out: were it
published and then lost by the broker, the candidate would stay."""


class Difference(NamedTuple):
    """A rollout that would be decided otherwise: how, and its newest published epoch."""

    rollout: str
    how: str
    epoch: int


class _Made(NamedTuple):
    """A published decision: where in the journal it was made, and what it does."""

    rollout: str
    epoch: int
    offset: int
    effects: Mapping[str, Any]


class Published:
    """The published decisions about records that this judge will fold again; `add` each message of `gate-decisions`.

    The journal was judged before up to `judged`, the offset after the last record. `partitions` has, by rollout, the
    journal partition of its newest decision, whichever that is. Set `complete` to False where not all of
    `gate-decisions` was read.
    """

    def __init__(self, judged: int = 0) -> None:
        self.partitions: dict[str, int] = {}
        self.complete = True
        self._judged = judged
        self._newest: dict[str, tuple[int, int]] = {}
        self._due: dict[str, _Made] = {}
        self._by_offset: dict[int, list[str]] = {}
        self._epochs: dict[str, int] = {}
        self._since: dict[str, int] = {}

    def add(self, value: bytes | None, partition: int, folded: Mapping[str, int], otherwise: int) -> None:
        """Add a message, if it is about this journal partition.

        `folded` is the journal offset up to which each rollout is folded, `otherwise` that of all others: decisions
        up to there are not made again. Messages come in any order: a rollout's are in several partitions of
        `gate-decisions` once some were added.
        """
        try:
            document = orjson.loads(value or b"")
            place, rollout = document["journal"], str(document["rollout"])
            made_as = int(document["epoch"]), int(document["sequence"])
            if made_as >= self._newest.get(rollout, made_as):
                self.partitions[rollout], self._newest[rollout] = int(place["partition"]), made_as
            if place["partition"] != partition:
                return
            effects = {field: document[field] for field in EFFECTS}
            identity = str(document["id"])
            made = _Made(rollout, made_as[0], int(place["offset"]), effects)
        except (ValueError, KeyError, TypeError):
            return  # not the gate's
        self._epochs[made.rollout] = max(made.epoch, self._epochs.get(made.rollout, 0))
        self._since[made.rollout] = min(made.offset, self._since.get(made.rollout, made.offset))
        # Of two with one id the first counts: it is the one that was carried out.
        if made.offset > folded.get(made.rollout, otherwise) and identity not in self._due:
            self._due[identity] = made
            self._by_offset.setdefault(made.offset, []).append(identity)

    def differences(self, offset: int, decisions: Iterable[Decision]) -> list[Difference]:
        """Which rollouts the record at this offset decides otherwise than was published; call it for each record."""
        if not self._due and offset >= self._judged:
            return []
        found: dict[str, str] = {}
        for decision in decisions:
            # One that is sent again was made about an earlier record, and was compared then.
            if decision.journal[1] == offset and (how := self._difference(decision, offset)):
                found.setdefault(decision.rollout, how)
        again = {decision.id for decision in decisions}
        for identity in self._by_offset.pop(offset, ()):
            made = self._due.pop(identity)
            if identity not in again:
                why = f"{identity} ({made.effects['action']}) was published and is not decided again"
                found.setdefault(made.rollout, why)
        return [Difference(name, how, self._epochs[name]) for name, how in found.items()]

    def _difference(self, decision: Decision, offset: int) -> str:
        """How a decision differs from what was published; "" if it does not."""
        made = self._due.get(decision.id)
        if made is not None:
            return _difference(made, decision)
        # Older decisions may be deleted by now: only what follows a published one is known not to have been. Where not
        # all were read, nothing is: this one may be in a partition that was not.
        since = self._since.get(decision.rollout, offset)
        if not self.complete or decision.action not in RAISING or not since < offset < self._judged:
            return ""
        return (
            f"{decision.id} ({decision.action}) would now be made at journal offset {offset}, which was judged without"
        )


def _difference(made: _Made, decision: Decision) -> str:
    """How a decision differs from the published one of its id; "" if it does the same at the same place."""
    document = decision.document()
    if fields := [field for field in EFFECTS if made.effects[field] != document[field]]:
        before, now = (", ".join(f"{field} {each[field]}" for field in fields) for each in (made.effects, document))
        return f"{decision.id} was published with {before}, and would now have {now}"
    if made.offset != decision.journal[1]:
        places = f"journal offset {made.offset}, and would now be made at offset {decision.journal[1]}"
        return f"{decision.id} ({decision.action}) was made at {places}"
    return ""
