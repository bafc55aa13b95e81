"""What every actuator must do, as one suite: inherit `ActuatorContract` and define how yours is made.

    class TestMine(ActuatorContract):
        def make(self, folder: Path) -> Actuator:
            return Mine(...)

`make` is called again with the same folder for a restart. No broker is needed.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from connectors.actuators import Actuator, Observes, Wanted
from connectors.actuators.executor import AckMessage, Executor
from connectors.actuators.wanted import decode
from gates.decisions import Action, Command, Decision
from streams.journal import encode_document

NOW = 1_767_225_600_000


def decision(
    sequence: int, candidate: float, *, rollout: str = "checkout-v2", epoch: int = 1, **fields: Any
) -> Decision:
    """A decision as the gate makes it."""
    given: dict[str, Any] = {
        "action": Action.ADVANCE,
        "stage": "canary",
        "event_time": NOW,
        "reason": "because",
        "checks": (),
        "completeness": 1.0,
        "policy_hash": "sha256:0",
        "journal": (0, 1),
        "cohorts": {"baseline": "stable", "candidate": "canary"},
        "confidence": {"rollback": 0.01, "advance": 0.05},
        "weights": {"stable": 100 - candidate, "canary": candidate},
    } | fields
    return Decision(rollout=rollout, epoch=epoch, sequence=sequence, **given)


def decided(sequence: int, candidate: float, **fields: Any) -> bytes:
    """A message on `gate-decisions`."""
    return encode_document(decision(sequence, candidate, **fields).document())


def commanded(sequence: int, *, expires_at: int, **fields: Any) -> bytes:
    """A message on `rollback-commands`."""
    rollback = decision(sequence, 0, action=Action.ROLLBACK, **fields)
    return encode_document(Command(rollback, deadline=expires_at, expires_at=expires_at).document())


class Failing:
    """An actuator that fails this many times before it does what another does."""

    def __init__(self, inner: Actuator, failures: int) -> None:
        self.name = inner.name
        self._inner = inner
        self._failures = failures

    async def apply(self, wanted: Wanted) -> Mapping[str, float]:
        """Fail, or apply."""
        if self._failures:
            self._failures -= 1
            raise ConnectionError("no route to the router")
        return await self._inner.apply(wanted)


class ActuatorContract:
    """The suite."""

    def make(self, folder: Path) -> Actuator:
        """The actuator under test; `folder` is its own, and outlasts it."""
        raise NotImplementedError

    @pytest.fixture
    def actuator(self, tmp_path: Path) -> Actuator:
        """The actuator under test."""
        return self.make(tmp_path)

    @pytest.fixture
    def executor(self, actuator: Actuator) -> Executor:
        """An executor with this actuator and a clock that stands still."""
        return Executor(actuator, lambda: NOW)

    async def test_it_applies_and_acks_what_it_observes(self, executor: Executor, actuator: Actuator) -> None:
        """Each newer decision is applied; the ack carries the weights observed."""
        for sequence, share in ((1, 1), (2, 12.5), (4, 100), (5, 0)):
            ack = await executor.carry_out(decode(decided(sequence, share)))
            assert ack == AckMessage(
                id=f"checkout-v2:1:{sequence}",
                rollout="checkout-v2",
                epoch=1,
                sequence=sequence,
                actuator=actuator.name,
                status="applied",
                weights={"stable": 100.0 - share, "canary": float(share)},
                at=NOW,
            )

    async def test_a_repeat_does_no_harm(self, executor: Executor, actuator: Actuator) -> None:
        """The same decision is acked again, and the actuator may get it twice."""
        wanted = decode(decided(3, 10))
        assert await executor.carry_out(wanted) == await executor.carry_out(wanted)
        assert await actuator.apply(wanted) == await actuator.apply(wanted) == {"stable": 90, "canary": 10}

    async def test_a_stale_order_is_rejected(self, executor: Executor) -> None:
        """What is older than the last applied changes nothing, in the same epoch or an older one."""
        await executor.carry_out(decode(decided(5, 0, epoch=2, action=Action.ROLLBACK)))
        for epoch, sequence in ((2, 4), (1, 9)):
            ack = await executor.carry_out(decode(decided(sequence, 50, epoch=epoch)))
            assert (ack.status, ack.weights) == ("rejected", {"stable": 100, "canary": 0})
            assert ack.reason == f"{epoch}:{sequence} is older than 2:5, which was seen before"

    async def test_an_expired_order_is_not_applied(self, executor: Executor) -> None:
        """A command past its time is answered `expired`; in its last millisecond it is still applied."""
        await executor.carry_out(decode(decided(1, 10)))
        late = await executor.carry_out(decode(commanded(2, expires_at=NOW - 1)))
        assert (late.status, late.weights, late.reason) == (
            "expired",
            {"stable": 90, "canary": 10},
            f"expired at {NOW - 1} ms",
        )
        last = await executor.carry_out(decode(commanded(2, expires_at=NOW)))
        assert (last.status, last.weights) == ("applied", {"stable": 100, "canary": 0})

    async def test_a_failure_is_tried_again(self, actuator: Actuator) -> None:
        """A failed order is acked as failed, and applied when it comes again; meanwhile older ones are rejected."""
        executor = Executor(Failing(actuator, 1), lambda: NOW)
        failed = await executor.carry_out(decode(decided(2, 0, action=Action.ROLLBACK)))
        older = await executor.carry_out(decode(decided(1, 50)))
        again = await executor.carry_out(decode(decided(2, 0, action=Action.ROLLBACK)))
        assert (failed.status, failed.reason) == ("failed", "ConnectionError: no route to the router")
        assert (older.status, again.status, again.weights) == ("rejected", "applied", {"stable": 100, "canary": 0})

    async def test_rollouts_are_apart(self, executor: Executor) -> None:
        """Each rollout has a fence and weights of its own."""
        await executor.carry_out(decode(decided(7, 50, rollout="one")))
        ack = await executor.carry_out(decode(decided(1, 5, rollout="two")))
        assert (ack.status, ack.weights) == ("applied", {"stable": 95, "canary": 5})
        again = await executor.carry_out(decode(decided(7, 50, rollout="one")))
        assert (again.status, again.weights) == ("applied", {"stable": 50, "canary": 50})

    async def test_it_observes_what_it_applied(self, actuator: Actuator) -> None:
        """If it can: the weights of the order that was applied, and none of its business once a newer one was."""
        if not isinstance(actuator, Observes):
            return
        await actuator.apply(decode(decided(3, 10)))
        assert await actuator.observe(decode(decided(3, 10))) == {"stable": 90, "canary": 10}
        await actuator.apply(decode(decided(4, 20)))
        assert await actuator.observe(decode(decided(3, 10))) is None

    async def test_it_can_be_restarted(self, executor: Executor, tmp_path: Path) -> None:
        """After a restart the newest order is applied (again), whether or not the actuator remembers it."""
        await executor.carry_out(decode(decided(3, 10)))
        restarted = Executor(self.make(tmp_path), lambda: NOW)
        ack = await restarted.carry_out(decode(decided(3, 10)))
        assert (ack.status, ack.weights) == ("applied", {"stable": 90, "canary": 10})
