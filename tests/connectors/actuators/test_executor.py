"""The executor: time limits, rollbacks that cannot wait, observations that are checked, and its acks."""

import asyncio
from collections.abc import Mapping

import pytest

from connectors.actuators import LogActuator, Wanted
from connectors.actuators.executor import LONGEST_REASON, Executor
from connectors.actuators.wanted import decode
from gates.decisions import Action
from streams import journal
from tests.connectors.actuators.contract import NOW, Failing, commanded, decided


class Custom:
    """An actuator that observes given weights."""

    name = "custom"

    def __init__(self, observed: Mapping[str, float], takes_s: float = 0.0) -> None:
        self._observed = observed
        self._takes_s = takes_s

    async def apply(self, wanted: Wanted) -> Mapping[str, float]:
        """Wait, and return the given weights."""
        await asyncio.sleep(self._takes_s)
        return self._observed


async def test_an_apply_has_its_time() -> None:
    """One that takes longer has failed; its ack has the reason."""
    ack = await Executor(Custom({}, takes_s=60.0), lambda: NOW, timeout_s=0.01).carry_out(decode(decided(1, 1)))
    assert (ack.status, ack.reason) == ("failed", "cancelled: not applied within 0.01 s, or a rollback came first")


async def test_an_apply_makes_way_for_a_rollback() -> None:
    """A hanging apply is cancelled for a newer order, not for itself or an older one; twice is no error."""
    executor = Executor(Custom({}, takes_s=60.0), lambda: NOW)
    hanging = asyncio.create_task(executor.carry_out(decode(decided(2, 1))))
    await asyncio.sleep(0)
    for sequence in (1, 2):
        executor.interrupt_for(decode(decided(sequence, 0)))
    await asyncio.sleep(0.01)
    assert not hanging.done()
    for sequence in (3, 3):
        executor.interrupt_for(decode(decided(sequence, 0)))
        await asyncio.sleep(0)
    assert (await hanging).status == "failed"


@pytest.mark.parametrize("nonsense", [float("nan"), float("inf"), -1.0, 100.5])
async def test_observations_are_checked(nonsense: float) -> None:
    """What cannot be a share of traffic is not acked as one."""
    ack = await Executor(Custom({"canary": nonsense}), lambda: NOW).carry_out(decode(decided(1, 1)))
    assert (ack.status, ack.weights) == ("failed", {})


async def test_the_ack_is_what_the_sequencer_reads() -> None:
    """The journal's codec takes an ack's bytes, every field."""
    ack = await Executor(LogActuator(), lambda: NOW).carry_out(decode(decided(1, 25)))
    read = journal.decode(ack.encoded())
    assert read == journal.Ack(
        id="checkout-v2:1:1",
        rollout="checkout-v2",
        epoch=1,
        sequence=1,
        actuator="log",
        status="applied",
        weights={"stable": 75.0, "canary": 25.0},
        at=NOW,
        instance=ack.instance,
    )
    assert read.instance


async def test_a_reason_is_bounded() -> None:
    """Whatever an actuator raises, the ack fits into a message."""

    class Verbose(Custom):
        async def apply(self, wanted: Wanted) -> Mapping[str, float]:
            raise RuntimeError("x" * 10_000)

    ack = await Executor(Verbose({}), lambda: NOW).carry_out(decode(decided(1, 1)))
    assert (ack.status, len(ack.reason)) == ("failed", LONGEST_REASON)


async def test_an_ack_has_the_weights_last_observed() -> None:
    """None before the first success; after it, a rejected order does not change them."""
    failing = Executor(Failing(LogActuator(), 1), lambda: NOW)
    ack = await failing.carry_out(decode(decided(1, 10)))
    assert (ack.status, ack.weights) == ("failed", {})
    again = await failing.carry_out(decode(decided(1, 10)))
    stale = await failing.carry_out(decode(decided(0, 50)))
    assert (again.status, stale.status, stale.weights) == ("applied", "rejected", {"stable": 90, "canary": 10})


class Observed(Custom):
    """An actuator whose weights can be changed from outside; `found` is what a look gives, or raises."""

    def __init__(self) -> None:
        super().__init__({"stable": 90, "canary": 10})
        self.found: Mapping[str, float] | Exception | None = {"stable": 90, "canary": 10}
        self.applied = 0

    async def apply(self, wanted: Wanted) -> Mapping[str, float]:
        """Count the calls."""
        self.applied += 1
        return await super().apply(wanted)

    async def observe(self, wanted: Wanted) -> Mapping[str, float] | None:
        """Return or raise what was set."""
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


CHANGED = "the weights in force were changed to nothing; the gate ordered canary 10%, stable 90%"


async def test_a_deviation_is_put_right_and_reported_once() -> None:
    """However often it comes back; once it was away, it is reported again."""
    actuator = Observed()
    executor = Executor(actuator, lambda: NOW)
    assert executor.checkable() == set()
    assert await executor.check("checkout-v2") is None
    await executor.carry_out(decode(decided(1, 10)))
    assert executor.checkable() == {"checkout-v2"}
    actuator.found = {}
    ack, again = await executor.check("checkout-v2"), await executor.check("checkout-v2")
    assert ack is not None
    assert (ack.status, ack.reason, again, actuator.applied) == ("applied", f"applied again: {CHANGED}", None, 3)
    actuator.found = None  # a newer order is in force, by another process
    assert await executor.check("checkout-v2") is None
    actuator.found = {}
    assert await executor.check("checkout-v2") is not None


async def test_an_order_is_confirmed_again_only_after_a_look() -> None:
    """The gate sends it again: unknown or other weights are no confirmation."""
    actuator = Observed()
    executor = Executor(actuator, lambda: NOW, on_deviation="report")
    await executor.carry_out(decode(decided(1, 10)))
    actuator.found = ConnectionError("no route")
    unknown = await executor.carry_out(decode(decided(1, 10)))
    assert (unknown.status, unknown.reason) == ("failed", "the weights in force are unknown: ConnectionError: no route")
    actuator.found = {"stable": 80, "canary": 20}
    for _ in range(2):
        other = await executor.carry_out(decode(decided(1, 10)))
        assert (other.status, other.weights) == ("failed", {"stable": 80, "canary": 20})
    actuator.found = {"stable": 90, "canary": 10}
    assert (await executor.carry_out(decode(decided(1, 10)))).status == "applied"
    assert actuator.applied == 1


async def test_after_a_newer_order_failed_that_is_tried_again() -> None:
    """What is in force then is unknown, and the older order must not be applied again. The gate need not send it."""
    actuator = Observed()
    executor = Executor(actuator, lambda: NOW)
    await executor.carry_out(decode(decided(1, 10)))
    executor._actuator = Failing(actuator, 3)
    await executor.carry_out(decode(decided(2, 0)))
    assert str(executor.unapplied) == "checkout-v2:1:2 is not applied: ConnectionError: no route to the router"
    assert executor.checkable() == {"checkout-v2"}
    assert [await executor.check("checkout-v2") for _ in range(2)] == [None, None]
    ack = await executor.check("checkout-v2")
    assert ack is not None
    assert (ack.id, ack.status, actuator.applied, str(executor.unapplied)) == ("checkout-v2:1:2", "applied", 2, "")
    assert executor.checkable() == set()  # this actuator cannot be looked at


async def test_a_failed_order_that_a_newer_one_replaced_is_not_tried_again() -> None:
    """Nor one that has expired; of a decision and its command the decision is kept."""
    now = NOW
    executor = Executor(Failing(LogActuator(), 4), lambda: now)
    await executor.carry_out(decode(decided(1, 50)))
    await executor.carry_out(decode(commanded(2, expires_at=NOW - 1)))
    assert executor.checkable() == set()
    await executor.carry_out(decode(commanded(3, expires_at=NOW)))
    assert executor.checkable() == {"checkout-v2"}
    now = NOW + 1
    assert executor.checkable() == set()
    assert await executor.check("checkout-v2") is None
    now = NOW
    await executor.carry_out(decode(decided(3, 0, action=Action.ROLLBACK)))
    await executor.carry_out(decode(commanded(3, expires_at=NOW)))
    now = NOW + 1
    ack = await executor.check("checkout-v2")
    assert ack is not None
    assert (ack.id, ack.status) == ("checkout-v2:1:3", "applied")


async def test_a_failure_that_lasts_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """It is tried every few seconds."""
    executor = Executor(Failing(LogActuator(), 9), lambda: NOW)
    await executor.carry_out(decode(decided(1, 50)))
    for _ in range(3):
        await executor.check("checkout-v2")
    assert caplog.text.count("failed to apply checkout-v2:1:1") == 1


async def test_what_health_has_of_looks() -> None:
    """Weights that are unknown, and those that are left as somebody changed them; until they are as ordered."""
    actuator = Observed()
    executor = Executor(actuator, lambda: NOW, on_deviation="report")
    await executor.carry_out(decode(decided(1, 10)))
    shown = []
    for actuator.found in (ConnectionError("no route"), {}, {"stable": 90, "canary": 10}):
        await executor.check("checkout-v2")
        shown.append(str(executor.unapplied))
    unknown = "checkout-v2:1:1: the weights in force are unknown: ConnectionError: no route"
    assert shown == [unknown, f"checkout-v2:1:1: {CHANGED}", ""]


async def test_a_deviation_that_cannot_be_put_right() -> None:
    """The ack is that of the failed apply."""
    actuator = Observed()
    executor = Executor(actuator, lambda: NOW)
    await executor.carry_out(decode(decided(1, 10)))
    actuator.found, actuator._observed = {}, {"canary": 200}
    ack = await executor.check("checkout-v2")
    assert ack is not None
    assert (ack.status, ack.reason[:10]) == ("failed", "ValueError")
    again = await executor.carry_out(decode(decided(1, 10)))  # which is no confirmation of what was in force before
    assert (again.status, again.reason[:10]) == ("failed", "ValueError")
    actuator._observed = {"stable": 90, "canary": 10}
    right = await executor.check("checkout-v2")
    assert right is not None
    assert (right.status, str(executor.unapplied)) == ("applied", "")
