"""A bad canary and a healthy one, released while faults go on: what the gate makes of each."""

import asyncio
import contextlib
import itertools
from typing import Any

from aiokafka.errors import KafkaError

from streams.operator_client.errors import OrderRefusedError, UnansweredError
from streams.operator_client.orders import order
from streams.operator_client.status_view import StatusView
from tests.faults.times import PATIENCE, now_ms
from tests.faults.trial import WAITING, Trial, policy
from tests.soak.keys import Keys

FAILING = 0.5
"""How many of a bad canary's requests fail."""

LIMIT: dict[str, Any] = {"checks": {"errors": {"sli": "error_rate", "limit": "30%", "window": "10s"}}}
HELD = WAITING | {"pause"}


class Canaries:
    """Releases pairs of rollouts of their own, and follows the decisions about them."""

    def __init__(self, trial: Trial, keys: Keys) -> None:
        self._trial, self._keys = trial, keys
        self._decided: dict[str, dict[str, dict[str, Any]]] = {}

    async def follow(self) -> None:
        """Read the decisions as they come, without end."""
        async for decision in self._trial.following(self._trial.site.topics.decisions):
            self._decided.setdefault(decision["rollout"], {})[decision["id"]] = decision

    def spoil(self, event: dict[str, Any]) -> dict[str, Any]:
        """The event, which has failed if it is of a bad canary and it so happens."""
        bad = event["rollout"].startswith("bad-") and event["cohort"] == "canary"
        return event | {"status": 500} if bad and self._trial.rng.random() < FAILING else event

    async def release(self, number: int, bake: str) -> tuple[float, float]:
        """Release a pair; seconds until the bad one was rolled back, or held and paged, and the other promoted.

        Both have the same policy. What a fault does to them may pause them: an operator then resumes the healthy one.
        """
        bad, good = f"bad-{number}", f"good-{number}"
        for name in (bad, good):
            await self._trial.site.start(policy(name, bake=bake, **LIMIT))
        since = now_ms()
        async with asyncio.timeout(2 * PATIENCE):
            while not (self.actions(bad) and self.actions(good)):
                await asyncio.sleep(0.1)
        self._trial.rollouts += (bad, good)
        try:
            return await asyncio.gather(self._stopped(bad, since), self._promoted(good, since))
        finally:
            self._trial.silent_rollouts |= {bad, good}

    def actions(self, rollout: str) -> list[str]:
        """The actions that were decided for a rollout."""
        return [each["action"] for each in self._decided.get(rollout, {}).values()]

    async def _stopped(self, bad: str, since: int) -> float:
        async with asyncio.timeout(4 * PATIENCE):
            while not self._is_stopped(bad):
                await asyncio.sleep(0.2)
        return (now_ms() - since) / 1000

    def _is_stopped(self, bad: str) -> bool:
        known = list(self._decided[bad].values())
        actions = {each["action"] for each in known}
        assert actions <= HELD | {"rollback"}, f"a bad canary: {actions}"
        return "rollback" in actions or (known[-1]["action"] in HELD and known[-1]["escalate"])

    async def _promoted(self, good: str, since: int) -> float:
        async with asyncio.timeout(4 * PATIENCE):
            while "promote" not in (actions := self.actions(good)):
                assert set(actions) <= HELD | {"advance"}, f"a healthy canary: {actions}"
                if actions[-1] == "pause":
                    with contextlib.suppress(OrderRefusedError):  # resumed, and its decision not read yet
                        await self.order(good, "resume")
                await asyncio.sleep(0.2)
        return (now_ms() - since) / 1000

    async def order(self, rollout: str, control: Any, number: int | None = None, wait_s: float | None = 15.0) -> None:
        """Order this until it is answered, as an operator with the present key or the one of this number."""
        settings = self._keys.operator(self._trial.site.settings, number)
        async with asyncio.timeout(2 * PATIENCE):
            for tries in itertools.count(1):
                try:
                    async with StatusView(settings) as view:
                        await order(view, rollout, control, by="ada", reason="soak", wait_s=wait_s)
                except (KafkaError, TimeoutError, UnansweredError):
                    await asyncio.sleep(1)
                except OrderRefusedError:
                    if tries == 1:
                        raise
                    return  # one before was answered too late
                else:
                    return
