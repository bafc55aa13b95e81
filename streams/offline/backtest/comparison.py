"""Two lines of decisions on the same traffic beside each other, and in a sentence how they differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from gates.decisions import Action, Decision
from gates.documents.quantities import format_duration

LIMITS = (
    "From the first difference on the traffic was still split as recorded. Comparisons take the requests that each "
    "cohort really had, so verdicts stay valid; how soon they come would differ with other shares."
)
"""What a backtest cannot know, in words."""

_ENDS = {Action.ROLLBACK: "rolled back", Action.PROMOTE: "promoted"}
_STANDS = {Action.HOLD: "held", Action.PAUSE: "paused"}


@dataclass(frozen=True, slots=True)
class Row:
    """What was decided at a moment, and what would have been; at least one of them."""

    recorded: Decision | None
    instead: Decision | None

    @property
    def event_time(self) -> int:
        """The moment, in milliseconds since the epoch."""
        return min(each.event_time for each in (self.recorded, self.instead) if each is not None)

    @property
    def same(self) -> bool:
        """Whether both do the same with the traffic, at the same time."""
        one, other = self.recorded, self.instead
        if one is None or other is None:
            return False
        return one.action == other.action and dict(one.weights) == dict(other.weights)


@dataclass(frozen=True)
class Comparison:
    """One recorded rollout; `where` says which record of it, `recorded` and `instead` are in order of event time.

    `recorded` is None where nothing is known but the traffic, and nothing to compare with was asked for.
    """

    rollout: str
    where: str
    recorded: Sequence[Decision] | None
    instead: Sequence[Decision]

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """Both side by side; decisions of the same moment share a row."""
        return tuple(_aligned(self.recorded or (), self.instead))

    @cached_property
    def divergence(self) -> int | None:
        """The first row that is not the same on both sides; None if all are."""
        if self.recorded is None:
            return None
        return next((index for index, row in enumerate(self.rows) if not row.same), None)

    @cached_property
    def ended_at(self) -> int | None:
        """When the recorded rollout ended; later traffic has the weights of that end. None: it did not."""
        end = _end(self.recorded or ())
        return None if end is None else end.event_time

    @property
    def summary(self) -> str:
        """How the two differ, in a sentence."""
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
            return f"would not have been {_ENDS[end.action]}: it was still {_standing(by_then)} by then"
        standing = _standing(self.recorded)
        if other is not None:
            return f"would have been {_ended(other)}, and was {standing} when the record ends"
        return f"neither has ended; it would have been {_standing(self.instead)}, and was {standing}"

    def document(self) -> dict[str, object]:
        """The comparison as JSON values."""
        first = None if self.divergence is None else self.rows[self.divergence].event_time
        return {
            "rollout": self.rollout,
            "where": self.where,
            "same": None if self.recorded is None else self.divergence is None,
            "first_difference": first,
            "summary": self.summary,
            "recorded": None if self.recorded is None else [each.document() for each in self.recorded],
            "instead": [each.document() for each in self.instead],
        }


def _aligned(recorded: Sequence[Decision], instead: Sequence[Decision]) -> Iterator[Row]:
    one, other = list(reversed(recorded)), list(reversed(instead))
    while one or other:
        now = min(side[-1].event_time for side in (one, other) if side)
        yield Row(*(side.pop() if side and side[-1].event_time == now else None for side in (one, other)))


def _end(decided: Sequence[Decision]) -> Decision | None:
    """The decision that ended the rollout for good: a promotion may still be rolled back."""
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
    apart = other.event_time - end.event_time
    if not apart:
        return f"{_ENDS[end.action]} at the same moment; on the way there they differ"
    return f"{_ENDS[end.action]} too, {format_duration(abs(apart))} {'earlier' if apart < 0 else 'later'}"
