"""A journal partition folded twice at once: as recorded, and as if another policy had been started each time. Pure.

The other fold sees the recorded traffic, operators and clocks. Its orders are acknowledged as the record allows: an
order for the weights that were wanted then, when those were confirmed; an order for any others at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import msgspec

from gates.decisions import Decision
from gates.gate import Gate
from gates.machine.transitions import Phase
from gates.policy import Cohorts, Policy
from streams.journal import Ack, Record, Start
from streams.judge.fold import Fold
from streams.judge.outputs import FoldOutput
from streams.judge.rollout import JudgedRollout


@dataclass(slots=True)
class Epoch:
    """One start of a rollout: what was decided, and what would have been; each decision once, in order."""

    recorded: dict[str, Decision] = field(default_factory=dict)
    instead: dict[str, Decision] = field(default_factory=dict)


class Counterfactual:
    """The two folds: `apply` each record of the partition in order of offsets.

    `epochs` has what both decided, by rollout and epoch; `apart` says, by rollout and epoch, why a start could not be
    judged by the policy. With `only` all other rollouts are left out.
    """

    def __init__(self, policy: Policy, partition: int, only: str | None = None) -> None:
        self.epochs: dict[tuple[str, int], Epoch] = {}
        self.apart: dict[tuple[str, int], str] = {}
        self.rollouts: set[str] = set()
        self._policy = policy
        self._only = only
        self._recorded = Fold(partition)
        self._instead = Fold(partition)

    def apply(self, record: Record, offset: int) -> None:
        """Take in the record at `offset`.

        Raises:
            ValueError: the record is malformed.
        """
        if isinstance(record, Start):
            self.rollouts.add(record.rollout)
        if self._only is not None and getattr(record, "rollout", self._only) != self._only:
            return
        if isinstance(record, Start):
            self._start(record, offset)
            return
        self._keep(self._recorded.apply(record, offset), instead=False)
        if not isinstance(record, Ack):
            self._keep(self._instead.apply(record, offset), instead=True)
        for name, rollout in self._instead.rollouts.items():
            if rollout.gate is not None:
                self._acknowledge(name, rollout.gate, offset)

    def _start(self, record: Start, offset: int) -> None:
        """Start both, if the record started anything: from the same past, so that epochs are those recorded."""
        known = self._recorded.rollouts.get(record.rollout)
        before = None if known is None else known.gate
        said = self._recorded.apply(record, offset)
        self._keep(said, instead=False)
        started = next((outcome for outcome in said if isinstance(outcome, Decision)), None)
        if started is None:
            return
        other = self._instead.rollouts.setdefault(record.rollout, JudgedRollout())
        other.gate = None
        if why := cohorts_differ(self._policy.cohorts, started.cohorts.values()):
            self.apart[started.rollout, started.epoch] = why
            return
        if before is not None:
            other.gate = Gate(replace(before.state, phase=Phase.ROLLED_BACK), before.evidence)
        document = renamed(self._policy, record.rollout).document()
        self._keep(self._instead.apply(msgspec.structs.replace(record, policy=document), offset), instead=True)

    def _keep(self, outcomes: Iterable[FoldOutput], *, instead: bool) -> None:
        for outcome in outcomes:
            if isinstance(outcome, Decision):
                epoch = self.epochs.setdefault((outcome.rollout, outcome.epoch), Epoch())
                (epoch.instead if instead else epoch.recorded).setdefault(outcome.id, outcome)

    def _acknowledge(self, name: str, gate: Gate, offset: int) -> None:
        """Confirm what the other fold ordered, unless the record is still waiting for those very weights."""
        recorded, wanted = self._recorded.rollouts[name].gate, gate.state.last
        if gate.state.pending is None or wanted is None or recorded is None:
            return
        waiting = recorded.state.pending is not None
        if waiting and recorded.state.last is not None and recorded.state.last.weights == wanted.weights:
            return
        ack = Ack(
            id=wanted.id,
            rollout=name,
            epoch=wanted.epoch,
            sequence=wanted.sequence,
            actuator="backtest",
            status="applied",
            weights=dict(wanted.weights),
            at=wanted.event_time,
        )
        self._instead.apply(ack, offset)


def renamed(policy: Policy, rollout: str) -> Policy:
    """The same policy for another rollout."""
    return Policy.parse(policy.document() | {"rollout": rollout})


def cohorts_differ(wanted: Cohorts, found: Iterable[str]) -> str:
    """Why a policy cannot judge a rollout of these cohorts; empty if it can."""
    known = set(found)
    if {wanted.candidate, wanted.baseline} <= known:
        return ""
    return (
        f"its cohorts are {' and '.join(sorted(known))}, and the policy compares {wanted.candidate} with "
        f"{wanted.baseline}"
    )
