"""The limit of a check, as far as it can be compared with those of others."""

from __future__ import annotations

from dataclasses import dataclass

from gates.documents.outcomes import Outcome, class_of


@dataclass(frozen=True, slots=True)
class ComparableLimit:
    """A limit, to compare with those of other checks.

    Two with the same `source` are on the same figure over the same window; `loosest` is larger for a looser limit.
    `bad` are the outcomes that count as bad, where the policy chooses them.
    """

    source: tuple[object, ...]
    loosest: float
    min_events: int
    bad: frozenset[Outcome] = frozenset()

    def covers(self, other: ComparableLimit) -> bool:
        """Whether this limit is broken wherever the other is.

        >>> ComparableLimit(("latency", 0.95), 800.0, 20).covers(ComparableLimit(("latency", 0.95), 900.0, 20))
        True
        """
        stricter = self.loosest <= other.loosest and self.min_events <= other.min_events
        wider = all(word in self.bad or class_of(word) in self.bad for word in other.bad)
        return self.source == other.source and stricter and wider
