"""Two sequences of decisions on the same traffic, side by side, and a sentence on how they differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from gates.decisions import Action, Decision
from gates.documents.quantities import format_duration

LIMITS = (
    "After the first difference the traffic was still split as recorded. Comparisons use the requests that each cohort "
    "really had, so verdicts stay valid; with other shares they would come sooner or later."
)
"""The limits of a backtest, for the reader of its result."""

_ENDS = {Action.ROLLBACK: "rolled back", Action.PROMOTE: "promoted"}
_STANDS = {Action.HOLD: "held", Action.PAUSE: "paused"}


@dataclass(frozen=True, slots=True)
class DecisionPair:
    """What was decided at some event time, and what would have been; at least one of the two."""

    recorded: Decision | None
    instead: Decision | None

    @property
    def event_time(self) -> int:
        """Milliseconds since the epoch."""
        return min(each.event_time for each in (self.recorded, self.instead) if each is not None)

    @property
    def same(self) -> bool:
        """Whether both do the same to the traffic at the same time."""
        one, other = self.recorded, self.instead
        if one is None or other is None:
            return False
        return one.action == other.action and dict(one.weights) == dict(other.weights)


@dataclass(frozen=True)
class BacktestComparison:
    """One recorded rollout; `source` names its record, `recorded` and `instead` are in order of event time.

    `recorded` is None if only traffic was recorded and there is no policy to compare with.
    """

    rollout: str
    source: str
    recorded: Sequence[Decision] | None
    instead: Sequence[Decision]

    @cached_property
    def pairs(self) -> tuple[DecisionPair, ...]:
        """Both side by side; decisions of the same event time form a pair."""
        return tuple(_aligned(self.recorded or (), self.instead))

    @cached_property
    def divergence(self) -> int | None:
        """The index of the first pair that differs; None if none does."""
        if self.recorded is None:
            return None
        return next((index for index, pair in enumerate(self.pairs) if not pair.same), None)

    @cached_property
    def ended_at(self) -> int | None:
        """When the recorded rollout ended, None if it did not; later traffic has the weights of its end."""
        end = _end(self.recorded or ())
        return None if end is None else end.event_time

    @property
    def summary(self) -> str:
        """One sentence on how the two differ."""
        if self.recorded is None:
            end = _end(self.instead)
            return f"would have been {_standing(self.instead) if end is None else _ended(end)}"
        if self.divergence is None:
            return "the same decisions"
        end, other = _end(self.recorded), _end(self.instead)
        if end is not None and other is not None:
            return _both_ended(end, other)
        if end is not None:
            by_then = [each for each in self.instead if each.event_time <= end.event_time]
            return f"would not have been {_ENDS[end.action]}: it would still have been {_standing(by_then)} then"
        standing = _standing(self.recorded)
        if other is not None:
            return f"would have been {_ended(other)}, and was {standing} at the end of the record"
        return f"neither has ended; it would have been {_standing(self.instead)}, and was {standing}"

    def document(self) -> dict[str, object]:
        """The comparison as JSON values."""
        first = None if self.divergence is None else self.pairs[self.divergence].event_time
        return {
            "rollout": self.rollout,
            "where": self.source,
            "same": None if self.recorded is None else self.divergence is None,
            "first_difference": first,
            "summary": self.summary,
            "recorded": None if self.recorded is None else [each.document() for each in self.recorded],
            "instead": [each.document() for each in self.instead],
        }


def _aligned(recorded: Sequence[Decision], instead: Sequence[Decision]) -> Iterator[DecisionPair]:
    one, other = list(reversed(recorded)), list(reversed(instead))
    while one or other:
        now = min(side[-1].event_time for side in (one, other) if side)
        yield DecisionPair(*(side.pop() if side and side[-1].event_time == now else None for side in (one, other)))


def _end(decided: Sequence[Decision]) -> Decision | None:
    """The decision that ended the rollout. Of several ends the last action counts: a promotion may be rolled back."""
    last = next((each for each in reversed(decided) if each.action in _ENDS), None)
    if last is None:
        return None
    return next(each for each in decided if each.action == last.action)


def _standing(decided: Sequence[Decision]) -> str:
    if not decided:
        return "not started"
    return f"{_STANDS.get(decided[-1].action, 'baking')} at stage {decided[-1].stage}"


def _ended(end: Decision) -> str:
    return f"{_ENDS[end.action]} at stage {end.stage}"


def _both_ended(end: Decision, other: Decision) -> str:
    if end.action != other.action:
        return f"would have been {_ended(other)}, and was {_ended(end)}"
    difference = other.event_time - end.event_time
    if not difference:
        return f"{_ENDS[end.action]} at the same time, after different decisions"
    return f"also {_ENDS[end.action]}, {format_duration(abs(difference))} {'earlier' if difference < 0 else 'later'}"
