"""Parts of a cohort: users and instances, between which bad events are compared, and which must agree.

A part of the candidate is all of it but one half of its users, or but one group of its emitters: where every part shows
that the candidate is worse, no single client and no single instance has decided it. Requests without a user (without an
emitter) are in each of the parts, since they are of nobody who is known. Otherwise failures that come without the name
would be no evidence at all: a failed login has no user, and of an instance that is down a proxy writes no name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from gates.groups import FAILED, GROUPS, SUCCEEDED, GroupCounts
from gates.panes import CLASS_POSITION, NO_DETAIL, Cell, Detail
from gates.statuses import CLASS_OF, CODES

CARRYING = 0.9
"""The share of the candidate's events in a stage that must carry a user (an emitter), before its parts must agree."""

PRESENT_MS = 60_000
"""A group of emitters without an event for this long is gone, and then a sole one left is the whole candidate. As long
as the longest block, so that no block is judged by who happened to have requests in it."""

USERS_PRESENT_MS = 300_000
"""The same for a half of the users, longer: at night a half may be silent for a minute beside one client that fails.
But where the other half is asleep for good, those that are left are all the users there are."""

USER, EMITTER = "user", "emitter"

_ALL_BUT = tuple(f"all but {EMITTER} group {number} of {GROUPS}" for number in range(1, GROUPS + 1))

_HALVES = (f"{USER} 1 of 2", f"{USER} 2 of 2")

FAILED_TRANSACTION = "failed transaction"
"""The bad outcome of checks that count transactions instead of outcomes."""

Bad = tuple[float, int]
"""Bad events and all events."""


class BadByGroup:
    """Counts bad requests and all requests by group; `outcomes` are those that are bad, as a policy writes them.

    For `FAILED_TRANSACTION` it counts transactions: those that failed, and all.

    >>> from gates.groups import key_of
    >>> BadByGroup(("5xx",)).count({key_of(1, 0): 5, key_of(503, 0): 1, key_of(1, 2): 3})
    {0: (1, 6), 2: (0, 3)}
    """

    def __init__(self, outcomes: Collection[str | int]) -> None:
        words = {word for word in outcomes if word in CLASS_POSITION}
        exact = {code for code, word in CLASS_OF.items() if word in words}
        known = {CLASS_POSITION[word] for word in words} | exact
        self._bad = frozenset(known | {CODES[word] for word in outcomes if word in CODES})
        self._transactions = FAILED_TRANSACTION in outcomes
        if self._transactions:
            self._bad = frozenset((FAILED,))

    def count(self, groups: GroupCounts) -> dict[int, tuple[int, int]]:
        """The groups that have requests, ascending, each with its bad requests and all."""
        bad, events = [0] * GROUPS, [0] * GROUPS
        for key, number in groups.items():
            outcome, group = divmod(key, GROUPS)
            if (outcome in (SUCCEEDED, FAILED)) is self._transactions:
                events[group] += number
                if outcome in self._bad:
                    bad[group] += number
        return {group: (bad[group], events[group]) for group in range(GROUPS) if events[group]}


class _Agreement:
    """Which parts of one kind must agree, and their counts.

    Once a part must agree, it has counts in each pane. It has all of them where the candidate cannot be divided (too
    few events carry the name, or all are of one group), so that it can still be reached: without any, a candidate that
    stops sending the name could not be rolled back. `present_ms` is how long a group counts as present.
    """

    def __init__(self, present_ms: int) -> None:
        self._present_ms = present_ms
        self._carrying = self._events = 0
        self._last: dict[str, int] = {}  # by group: when it last had an event
        self._agreeing: set[str] = set()

    def parts(self, whole: Bad, groups: Mapping[str, Bad], start: int) -> dict[str, Bad]:
        """The parts of a pane that begins at `start`, each by the group that it lacks."""
        self._events += whole[1]
        if groups:
            self._carrying += sum(events for _, events in groups.values())
            self._last.update((name, start) for name, (_, events) in groups.items() if events)
        present = [name for name, last in self._last.items() if not self._gone(last, start)]
        divided = len(present) > 1 and self._carrying >= CARRYING * self._events
        if divided:
            self._agreeing.update(present)
        return {name: _without(whole, groups.get(name)) if divided else whole for name in sorted(self._agreeing)}

    def _gone(self, last: int, start: int) -> bool:
        return start - last > self._present_ms

    def enter_stage(self) -> None:
        """Start again to count how many events carry the name."""
        self._carrying = self._events = 0

    def dump(self) -> list[Any]:
        """State for a snapshot."""
        return [self._carrying, self._events, dict(sorted(self._last.items())), sorted(self._agreeing)]

    def load(self, state: Sequence[Any]) -> None:
        """Continue from what `dump` returned."""
        self._carrying, self._events, last, agreeing = state
        self._last, self._agreeing = dict(last), set(agreeing)


def _without(whole: Bad, group: Bad | None) -> Bad:
    if group is None:
        return whole
    bad, events = max(0, whole[0] - group[0]), max(0, whole[1] - group[1])
    return min(bad, events), events


class CandidateParts:
    """Bad events and all events by part; `outcomes` are those that are bad, empty: no parts."""

    def __init__(self, outcomes: Collection[str | int] = ()) -> None:
        self._known = bool(outcomes)
        self._by_group = BadByGroup(outcomes)
        self._users, self._emitters = _Agreement(USERS_PRESENT_MS), _Agreement(PRESENT_MS)

    def of_candidate(self, whole: Bad, cell: Cell, start: int) -> dict[str, Bad] | None:
        """The candidate's parts in the pane that begins at `start`, of which `whole` is compared; None: no parts."""
        if not self._known:
            return None
        users = self._users.parts(whole, self._halves(cell.detail), start)
        return users | self._emitters.parts(whole, self._emitted(cell.detail), start) or None

    def of_baseline(self, cell: Cell) -> Mapping[str, Mapping[str, Bad]]:
        """The baseline's groups by kind, for measuring how bad events hang together."""
        if not self._known or cell.detail is NO_DETAIL:
            return {}
        known = {EMITTER: cell.detail.emitter_groups, USER: cell.detail.user_groups}
        return {
            kind: {str(group): bad for group, bad in self._by_group.count(groups).items()}
            for kind, groups in known.items()
            if groups
        }

    def _emitted(self, detail: Detail) -> dict[str, Bad]:
        """The groups of the emitters, each under the name of the part that lacks it."""
        return {_ALL_BUT[group]: bad for group, bad in self._by_group.count(detail.emitter_groups).items()}

    def _halves(self, detail: Detail) -> dict[str, Bad]:
        """The halves of the users, each under the name of the part that lacks it: the other one."""
        halves = dict.fromkeys(_HALVES, (0, 0))
        for group, (bad, events) in self._by_group.count(detail.user_groups).items():
            name = _HALVES[1 - group % 2]
            known = halves[name]
            halves[name] = known[0] + bad, known[1] + events
        return {name: known for name, known in halves.items() if known[1]}

    def enter_stage(self) -> None:
        """Start again to count how many events carry a user or an emitter."""
        self._users.enter_stage()
        self._emitters.enter_stage()

    def dump(self) -> list[Any]:
        """State for a snapshot; `load` continues from it bit for bit."""
        return [self._users.dump(), self._emitters.dump()]

    def load(self, state: Sequence[Any]) -> None:
        """Continue from what `dump` returned."""
        for each, known in zip((self._users, self._emitters), state, strict=True):
            each.load(known)
