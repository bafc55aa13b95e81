"""A journal partition folded twice: as recorded, and as if each start had had another policy. Pure.

The second fold gets the recorded traffic, orders and clocks. Recorded acks belong to recorded orders, so its own orders
are confirmed by a rule: an order for the recorded weights when those were confirmed, an order for others at once.
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
from streams.offline.stand_in_acks import applied_record, stand_ins


@dataclass(slots=True)
class EpochDecisions:
    """One start of a rollout: what was decided, and what would have been; each decision once, in order."""

    recorded: dict[str, Decision] = field(default_factory=dict)
    instead: dict[str, Decision] = field(default_factory=dict)


class Counterfactual:
    """The two folds: `apply` each record of the partition in order of offsets.

    `epochs` has the decisions of both, by rollout and epoch; `not_judged` has, by rollout and epoch, why the policy
    could not judge a start. With `only` all other rollouts are left out.
    """

    def __init__(self, policy: Policy, partition: int, only: str | None = None) -> None:
        self.epochs: dict[tuple[str, int], EpochDecisions] = {}
        self.not_judged: dict[tuple[str, int], str] = {}
        self.rollouts: set[str] = set()
        self._policy = policy
        self._only = only
        self._recorded = Fold(partition)
        self._instead = Fold(partition)

    def apply(self, record: Record, offset: int) -> None:
        """Fold the record at `offset`.

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
                self._confirm(name, rollout.gate, offset)

    def _start(self, record: Start, offset: int) -> None:
        """Start both if the record started anything; both from the recorded past, so that their epochs agree."""
        known = self._recorded.rollouts.get(record.rollout)
        before = None if known is None else known.gate
        outputs = self._recorded.apply(record, offset)
        self._keep(outputs, instead=False)
        started = next((output for output in outputs if isinstance(output, Decision)), None)
        if started is None:
            return
        other = self._instead.rollouts.setdefault(record.rollout, JudgedRollout())
        other.gate = None
        if why := cohorts_differ(self._policy.cohorts, started.cohorts.values()):
            self.not_judged[started.rollout, started.epoch] = why
            return
        if before is not None:
            other.gate = Gate(replace(before.state, phase=Phase.ROLLED_BACK), before.evidence)
        document = renamed(self._policy, record.rollout).document()
        # What was started is started here as well, whatever this policy's owner, first weight or freeze windows are.
        flags = {"confirmed": True, "replace": True, "override_freeze": True}
        start = msgspec.structs.replace(record, policy=document, **flags)
        self._keep(self._instead.apply(start, offset), instead=True)

    def _keep(self, outputs: Iterable[FoldOutput], *, instead: bool) -> None:
        for output in outputs:
            if isinstance(output, Decision):
                epoch = self.epochs.setdefault((output.rollout, output.epoch), EpochDecisions())
                (epoch.instead if instead else epoch.recorded).setdefault(output.id, output)

    def _confirm(self, name: str, gate: Gate, offset: int) -> None:
        """Confirm the second fold's order, unless the record still waits for confirmation of the same weights."""
        recorded, wanted = self._recorded.rollouts[name].gate, gate.state.last
        if gate.state.pending is None or wanted is None or recorded is None:
            return
        waiting = recorded.state.pending is not None
        if waiting and recorded.state.last is not None and recorded.state.last.weights == wanted.weights:
            return
        for actuator in stand_ins(gate.state.policy, "backtest"):
            self._instead.apply(applied_record(wanted, actuator), offset)


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
