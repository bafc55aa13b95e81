"""Journals to backtest: what was recorded, and both folds of it."""

from __future__ import annotations

import json
from typing import Any

from gates.policy import Policy
from streams.journal import Record, SequencedRecord
from streams.judge.fold import Fold
from streams.judge.outputs import FoldOutput
from streams.offline.backtest.comparison import BacktestComparison
from streams.offline.backtest.counterfactual import Counterfactual
from streams.offline.replay import Replay
from tests.pipeline.harness import POLICY, traffic

BEGIN = 1_767_225_600_000


class Journal(Fold):
    """A fold that keeps the records that it was given."""

    def __init__(self) -> None:
        super().__init__(0)
        self.records: list[tuple[Record, int]] = []

    def apply(self, record: Record, offset: int) -> list[FoldOutput]:
        """Fold the record, and keep it."""
        self.records.append((record, offset))
        return super().apply(record, offset)


def changed(policy: Policy, **keys: Any) -> Policy:
    """Return the policy with other keys."""
    return Policy.parse(policy.document() | keys)


def limited(limit: str) -> Policy:
    """Return the policy with this limit on errors for its only check."""
    return changed(POLICY, checks={"errors": {"sli": "error_rate", "limit": limit, "window": "5s", "min_events": 3}})


def recorded(
    bad: float = 0.0, policy: Policy = POLICY, orders: list[tuple[int, SequencedRecord]] | None = None
) -> Journal:
    """Return the journal of forty seconds: ten good ones, and then a canary that fails this share of its requests."""
    lines = [*traffic(BEGIN, 10), *traffic(BEGIN + 10_000, 30, bad=bad, share=0.5)]
    journal = Journal()
    for _ in Replay(policy, _fold=journal).run((json.dumps(line).encode() for line in lines), orders or []):
        pass
    return journal


def both(journal: Journal, policy: Policy, only: str | None = None) -> Counterfactual:
    """Fold the journal both ways."""
    folds = Counterfactual(policy, 0, only)
    for record, offset in journal.records:
        folds.apply(record, offset)
    return folds


def compared(journal: Journal, policy: Policy) -> list[BacktestComparison]:
    """Return a comparison per epoch."""
    return [
        BacktestComparison(rollout, str(number), list(epoch.recorded.values()), list(epoch.instead.values()))
        for (rollout, number), epoch in both(journal, policy).epochs.items()
    ]
