"""Carries out orders one after another: the fence rules, the actuator applies, an ack is the result. No Kafka here.

An actuator that `Observes` is also asked now and then what is in force. If that is not what it observed after the last
order (a deviation: somebody has edited the file, or reset the router), the order is applied again, or the deviation
only reported, as configured. An order that was applied before is confirmed again only after such a look. At the same
times an order that failed is tried again, until it is applied, expires, or a newer one comes.
"""

from __future__ import annotations

import asyncio
import logging
import math
import uuid
from collections.abc import Callable, Mapping
from typing import Final, Literal

import msgspec
from prometheus_client import Counter

from connectors.actuators.actuator import Actuator, Observes, Remembers
from connectors.actuators.fence import Fence, Ruling
from connectors.actuators.unapplied import Unapplied
from connectors.actuators.wanted import Token, Wanted

APPLY_TIMEOUT_S: Final = 30.0
"""The time limit of one apply."""
LONGEST_REASON: Final = 1_000
"""Characters of a reason that an ack carries."""

DEVIATIONS = Counter("sluicegate_actuator_deviations", "Looks that found other weights than ordered", ["rollout"])

Status = Literal["applied", "rejected", "expired", "failed"]
OnDeviation = Literal["restore", "report"]
"""What to do about weights that something else has changed."""

_log = logging.getLogger(__name__)


class AckMessage(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="sluicegate.ack/v1"):
    """The result of an order: the message on `command-acks`.

    `weights` are per cent by cohort as last observed, empty if nothing was; `at` is milliseconds since the epoch.
    `instance` is another one for each process, by which two actuators of one name are noticed.
    """

    id: str
    rollout: str
    epoch: int
    sequence: int
    actuator: str
    status: Status
    weights: dict[str, float]
    reason: str = ""
    at: int
    instance: str = ""

    def encoded(self) -> bytes:
        """The message value."""
        return msgspec.json.encode(self)


class Executor:
    """Carries out orders with one actuator, and remembers the result for each rollout.

    `clock` returns milliseconds since the epoch; `timeout_s` bounds each apply and each look, in seconds. Orders of one
    rollout must come one after the other, and so must calls of `check`; those of different rollouts may overlap.
    """

    def __init__(
        self,
        actuator: Actuator,
        clock: Callable[[], int],
        *,
        timeout_s: float = APPLY_TIMEOUT_S,
        on_deviation: OnDeviation = "restore",
    ) -> None:
        self._actuator = actuator
        self._clock = clock
        self._timeout_s = timeout_s
        self._on_deviation = on_deviation
        self._instance = uuid.uuid4().hex
        self._applied: dict[str, Wanted] = {}
        self._fences: dict[str, Fence] = {}
        self._observed: dict[str, dict[str, float]] = {}
        self._limits: dict[str, tuple[Token, asyncio.Timeout]] = {}
        self.unapplied = Unapplied()
        if isinstance(actuator, Remembers):
            # Seen, but not applied: the newest order is applied again, in case the router was changed meanwhile. Unless
            # changes are to be left: then a look decides whether it is confirmed.
            leave = on_deviation == "report" and isinstance(actuator, Observes)
            for rollout, last in actuator.last_applied().items():
                self._fences[rollout] = Fence(Token(*last), Token(*last) if leave else None, remembered=True)

    async def carry_out(self, wanted: Wanted) -> AckMessage:
        """Carry out an order as its fence rules, and return the ack. Exceptions of the actuator end in the ack."""
        fence = self._fences.get(wanted.rollout, Fence())
        match fence.rule(wanted.token, wanted.expires_at, self._clock()):
            case Ruling.APPLY:
                return await self._apply(fence, wanted)
            case Ruling.REPEAT:
                self._fences[wanted.rollout] = fence.after(wanted.token, applied=True)
                self._applied.setdefault(wanted.rollout, wanted)
                self.unapplied.forget_ack(wanted.rollout)
                if self._failed(wanted.rollout) is not None:  # it was not put right after a deviation
                    return await self._apply(fence, wanted)
                return await self.check(wanted.rollout) or self._ack(wanted, "applied")
            case Ruling.STALE:
                return self._ack(wanted, "rejected", self._stale(fence, wanted))
            case Ruling.EXPIRED:
                self._fences[wanted.rollout] = fence.after(wanted.token, applied=False)
                return self._ack(wanted, "expired", f"expired at {wanted.expires_at} ms")

    def checkable(self) -> set[str]:
        """The rollouts to `check`: the newest order has failed, or its weights can be looked at."""
        return {name for name in self._fences if self._failed(name) is not None or self._is_observable(name)}

    async def check(self, rollout: str) -> AckMessage | None:
        """Try the newest order again if it failed, else look at the weights in force. An ack if that shows news.

        That is, if the order is applied now, or the weights are not what was ordered. An ack with the same content as
        the one before is left out: a deviation that stays, or comes back each time, is reported once.
        """
        failed = self._failed(rollout)
        if failed is not None:
            again = await self._apply(self._fences[rollout], failed)
            return again if again.status == "applied" else None
        if not self._is_observable(rollout):
            return None
        ack = await self._compare(self._applied[rollout])
        if ack is None:
            self.unapplied.forget_ack(rollout)
            self.unapplied.clear(rollout)
            return None
        return ack if self.unapplied.is_news(rollout, f"{ack.status}: {ack.reason}") else None

    def _failed(self, rollout: str) -> Wanted | None:
        """The newest order, if it failed and has not expired."""
        order = self.unapplied.failed(rollout, self._clock())
        return order if order is not None and order.token == self._fences[rollout].seen else None

    def _is_observable(self, rollout: str) -> bool:
        """Whether the rollout's newest order was applied, so that the weights can be compared with it."""
        wanted = self._applied.get(rollout) if isinstance(self._actuator, Observes) else None
        return wanted is not None and self._fences[rollout].seen == wanted.token

    def _stale(self, fence: Fence, wanted: Wanted) -> str:
        reason = f"{wanted.token} is older than {fence.seen}, which was seen before"
        if fence.remembered:  # all orders were read, and none of them is that
            DEVIATIONS.labels(wanted.rollout).inc()
            reason = (
                f"{wanted.token} is older than {fence.seen}, which {self._actuator.name} had at its start; if the gate "
                f"never gave that order, remove it there, and start the actuator again"
            )
            self.unapplied.note(wanted.rollout, f"{wanted.id} is not applied: {reason}")
        return reason

    async def _compare(self, wanted: Wanted) -> AckMessage | None:
        try:
            found = await self._look(wanted)
        except Exception as error:  # an actuator may raise anything
            reason = f"the weights in force are unknown: {type(error).__name__}: {error}"
            self.unapplied.note(wanted.rollout, f"{wanted.id}: {reason}")
            return self._ack(wanted, "failed", reason)
        ordered = self._observed.setdefault(wanted.rollout, dict(wanted.weights))
        if found is None or found == ordered:
            return None
        DEVIATIONS.labels(wanted.rollout).inc()
        reason = f"the weights in force were changed to {_text(found)}; the gate ordered {_text(wanted.weights)}"
        _log.warning("%s: %s: %s", self._actuator.name, wanted.id, reason)
        if self._on_deviation == "restore":
            ack = await self._apply(self._fences[wanted.rollout], wanted)
            return msgspec.structs.replace(ack, reason=f"applied again: {reason}") if ack.status == "applied" else ack
        self.unapplied.note(wanted.rollout, f"{wanted.id}: {reason}")
        return msgspec.structs.replace(self._ack(wanted, "failed", reason), weights=found)

    async def _look(self, wanted: Wanted) -> dict[str, float] | None:
        assert isinstance(self._actuator, Observes)  # noqa: S101 - `checkable` has seen to it
        async with asyncio.timeout(self._timeout_s):
            found = await self._actuator.observe(wanted)
        return None if found is None else _checked(found)

    def interrupt_for(self, wanted: Wanted) -> None:
        """Cancel an apply to the same rollout that is older than this order; its ack has the status failed."""
        token, limit = self._limits.get(wanted.rollout, (wanted.token, None))
        if limit is not None and token < wanted.token and not limit.expired():
            limit.reschedule(asyncio.get_running_loop().time())

    async def _apply(self, fence: Fence, wanted: Wanted) -> AckMessage:
        self._fences[wanted.rollout] = fence.after(wanted.token, applied=False)
        try:
            async with asyncio.timeout(self._timeout_s) as limit:
                self._limits[wanted.rollout] = wanted.token, limit
                observed = _checked(await self._actuator.apply(wanted))
        except Exception as error:  # an actuator may raise anything, and the gate needs an ack either way
            reason = f"{type(error).__name__}: {error}"
            if isinstance(error, TimeoutError) and limit.expired():
                reason = f"cancelled: not applied within {self._timeout_s:g} s, or a rollback came first"
            if self.unapplied.fail(wanted, reason):  # not at each try
                _log.warning("%s failed to apply %s: %s", self._actuator.name, wanted.id, reason)
            return self._ack(wanted, "failed", reason)
        finally:
            self._limits.pop(wanted.rollout, None)
        self._fences[wanted.rollout] = fence.after(wanted.token, applied=True)
        self._observed[wanted.rollout] = observed
        self._applied[wanted.rollout] = wanted
        self.unapplied.clear(wanted.rollout)
        return self._ack(wanted, "applied")

    def _ack(self, wanted: Wanted, status: Status, reason: str = "") -> AckMessage:
        return AckMessage(
            id=wanted.id,
            rollout=wanted.rollout,
            epoch=wanted.epoch,
            sequence=wanted.sequence,
            actuator=self._actuator.name,
            status=status,
            weights=self._observed.get(wanted.rollout, {}),
            reason=reason[:LONGEST_REASON],
            at=self._clock(),
            instance=self._instance,
        )


def _checked(observed: Mapping[str, float]) -> dict[str, float]:
    weights = {str(cohort): float(weight) for cohort, weight in observed.items()}
    if not all(math.isfinite(weight) and 0 <= weight <= 100 for weight in weights.values()):
        raise ValueError(f"observed weights must be per cent, from 0 to 100, and are {weights}")
    return weights


def _text(weights: Mapping[str, float]) -> str:
    return ", ".join(f"{cohort} {weight:g}%" for cohort, weight in sorted(weights.items())) or "nothing"
