"""Rotates the keys of gate, operators and actuators while a soak run goes on, as docs/security.md has it."""

import asyncio
import signal
import time
from collections.abc import Sequence

from tests.faults.post import Post
from tests.faults.times import PATIENCE
from tests.faults.trial import ROLLOUTS, Trial
from tests.soak.canaries import Canaries
from tests.soak.keys import VALID_S, Keys


class Rotation:
    """The three steps, each with a restart of every process, because keys are read at the start."""

    def __init__(self, trial: Trial, posts: Sequence[Post], keys: Keys, canaries: Canaries) -> None:
        self._trial, self._posts, self._keys, self._canaries = trial, posts, keys, canaries
        self._used_at = 0.0
        self.restarts = 0

    async def trust_new(self) -> None:
        """Old and new keys are trusted, the old ones sign."""
        self._keys.trust_new()
        await self._restart_all()

    async def use_new(self) -> None:
        """The new ones sign, also a decision of each rollout."""
        self._keys.use_new()
        await self._restart_all()
        for rollout in ROLLOUTS:
            await self._pause_and_resume(rollout)
        self._used_at = time.monotonic()

    async def remove_old(self) -> None:
        """Only the new ones are trusted, and an order that an old one signed is refused."""
        await asyncio.sleep(max(0.0, VALID_S - (time.monotonic() - self._used_at)))
        self._keys.remove_old()
        await self._restart_all()
        await self._canaries.order(ROLLOUTS[0], "rollback", number=1, wait_s=None)
        async with asyncio.timeout(PATIENCE):
            while await self._refused_orders() != ["forged"]:
                await asyncio.sleep(0.5)
        await self._pause_and_resume(ROLLOUTS[0])

    async def _pause_and_resume(self, rollout: str) -> None:
        for control in ("pause", "resume"):
            await self._canaries.order(rollout, control)

    async def _refused_orders(self) -> list[str]:
        topics = self._trial.site.topics
        letters = [dict(record.headers) for record in await self._trial.site.read(topics.dead_letters)]
        return [each["reason"].decode() for each in letters if each["topic"].decode() == topics.controls]

    async def _restart_all(self) -> None:
        """One process after the other, in good order."""
        for post in self._posts:
            before = post.worker
            post.signal(signal.SIGTERM)
            async with asyncio.timeout(PATIENCE):
                while post.worker is before:
                    await asyncio.sleep(0.05)
            await post.ready()
        assert self._trial.carrier is not None
        self.restarts += 1
        self._trial.carrier.process.terminate()
        async with asyncio.timeout(PATIENCE):
            while self._trial.carrier.deaths < self.restarts:
                await asyncio.sleep(0.05)
