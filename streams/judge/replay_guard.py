"""Which signed words of operators were heard: a copy of one, sent again by whoever could read it, is refused. Pure.

The memory is part of the fold, so it outlives workers, and a replay of the journal refuses the same copies.
"""

from __future__ import annotations

from streams.journal import Control, Start

SLACK_MS = 600_000
"""A word is remembered for so much longer than it holds: the clock that found it valid may have been behind."""

MOST_WORDS = 10_000
"""So many words of one rollout are remembered; beyond it, the one that expires first is forgotten."""


class ReplayedError(ValueError):
    """A word that was heard before, under another origin."""

    reason = "replayed"


class Words:
    """The ids of a rollout's words, each with the time (wall clock, ms) until which it holds.

    >>> words = Words({"a": 1_000})
    >>> words.forget(wall=1_000 + SLACK_MS), words.dump()
    (None, {'a': 1000})
    >>> words.forget(wall=1_001 + SLACK_MS), words.dump()
    (None, {})
    """

    def __init__(self, known: dict[str, int] | None = None) -> None:
        self._known = dict(known or {})

    def hear(self, record: Start | Control, wall: int) -> None:
        """Remember a word; one that nobody signed has no id to remember.

        Raises:
            ReplayedError: it was heard before.
        """
        signed = record.signed
        if signed is None:
            return
        if signed.id in self._known:
            raise ReplayedError(f"the word {signed.id} of {record.by} for {record.rollout} was heard before")
        self.forget(wall)
        self._known[signed.id] = signed.expires_at
        if len(self._known) > MOST_WORDS:
            del self._known[min(self._known, key=self._known.__getitem__)]

    def forget(self, wall: int) -> None:
        """Forget what has not held for a while."""
        self._known = {word: until for word, until in self._known.items() if until + SLACK_MS >= wall}

    def dump(self) -> dict[str, int]:
        """The ids as JSON values."""
        return dict(self._known)
