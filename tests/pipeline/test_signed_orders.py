"""Signed orders through real processes: what is forged, unsigned, expired or replayed steers nothing."""

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from connectors.actuators import Wanted, run
from connectors.kafka.clients import KafkaSettings
from connectors.signing.keys import ROLES, generate, keyring
from connectors.signing.signatures import HEADER, Role
from streams import journal
from streams.operator_client.orders import order, start
from streams.operator_client.status_view import StatusView
from tests.pipeline.harness import PATIENCE, POLICY, Site, Worker

ROLLOUT = POLICY.rollout


def now() -> int:
    """Milliseconds since the epoch."""
    return int(time.time() * 1000)  # noqa: TID251


class Recording:
    """An actuator that remembers what it was asked."""

    name = "recording"

    def __init__(self) -> None:
        self.asked: list[tuple[str, float]] = []

    async def apply(self, wanted: Wanted) -> Mapping[str, float]:
        """Do nothing."""
        self.asked.append((wanted.action.value, wanted.candidate_weight))
        return wanted.weights


class SignedSite:
    """An installation where gate, operator and actuator have keys of their own, and a stranger has one too."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.site = site
        self._folder = folder
        public = b""
        for role in ROLES:
            signing, verifying = generate("ed25519", f"{role}-1", frozenset({role}))
            (folder / f"{role}.key").write_bytes(signing.line())
            public += verifying.line()
        self.trusted.write_bytes(public)
        stranger, _ = generate("ed25519", "gate-1", frozenset(ROLES))  # has the gate's key id
        (folder / "stranger.key").write_bytes(stranger.line())

    @property
    def trusted(self) -> Path:
        """The file of trusted keys."""
        return self._folder / "verify.keys"

    def settings(self, who: str) -> KafkaSettings:
        """The settings of someone who has this key."""
        paths = {"signing_key_file": self._folder / f"{who}.key", "verify_keys_file": self.trusted}
        return self.site.settings.model_copy(update=paths)

    def worker(self, *roles: str) -> Worker:
        """A worker with the gate's key."""
        key = str(self._folder / "gate.key")
        names = {"SLUICEGATE_SIGNING_KEY_FILE": key, "SLUICEGATE_VERIFY_KEYS_FILE": str(self.trusted)}
        return self.site.worker(*roles, **names)

    async def say(self, who: str, role: Role, topic: str, document: dict[str, Any], valid_ms: int | None) -> None:
        """Write a message signed by this key."""
        value = json.dumps(document).encode()
        expires_at = None if valid_ms is None else now() + valid_ms
        headers = keyring(self.settings(who), role).sign(topic, value, expires_at=expires_at)
        await self.site.producer.send_and_wait(topic, value, key=ROLLOUT.encode(), headers=headers)

    @contextlib.asynccontextmanager
    async def actuator(self) -> AsyncIterator[Recording]:
        """An actuator that runs meanwhile."""
        recording, stop = Recording(), asyncio.Event()
        task = asyncio.create_task(run(recording, self.settings("actuator"), stop=stop))
        try:
            yield recording
        finally:
            stop.set()
            await task

    async def order(self, control: journal.ControlName) -> Mapping[str, Any] | None:
        """Give an order as an operator does, and wait for the answer."""
        async with StatusView(self.settings("operator")) as view:
            return await order(view, ROLLOUT, control, by="ann", reason="a test", wait_s=PATIENCE)

    async def dead_letter_reasons(self, count: int) -> list[str]:
        """The reasons of all dead letters, once there are at least this many."""
        async with asyncio.timeout(PATIENCE):
            while len(found := await self.site.read(self.site.topics.dead_letters)) < count:
                await asyncio.sleep(0.2)
        return sorted(dict(record.headers)["reason"].decode() for record in found)


@pytest.fixture
async def signed(embedded_broker: str, tmp_path: Path) -> AsyncIterator[SignedSite]:
    """An installation of the test's own."""
    async with Site(embedded_broker, f"t{uuid.uuid4().hex[:8]}.") as site:
        yield SignedSite(site, tmp_path)


async def until(true: Any) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(PATIENCE):
        while not true():
            await asyncio.sleep(0.05)


def control(name: str) -> dict[str, Any]:
    """An operator's order."""
    return {
        "schema": "sluicegate.control/v1",
        "rollout": ROLLOUT,
        "control": name,
        "by": "ann",
        "at": now(),
        "epoch": 1,
    }


async def test_only_genuine_orders_count(signed: SignedSite) -> None:
    """Forged, unsigned, expired and replayed messages have no effect and are counted; genuine ones are obeyed."""
    site, topics = signed.site, signed.site.topics
    worker = signed.worker("sequencer", "judge")
    await worker.ready()
    async with signed.actuator() as actuator:
        async with StatusView(signed.settings("operator")) as view:
            begun = await start(view, POLICY, by="ann", reason="", wait_s=PATIENCE)
        assert begun is not None
        await until(lambda: actuator.asked == [("start", 20.0)])

        await signed.say("stranger", "operator", topics.controls, control("rollback"), 60_000)
        await signed.say("actuator", "actuator", topics.controls, control("rollback"), 60_000)
        await signed.say("operator", "operator", topics.controls, control("rollback"), -1)
        await site.producer.send_and_wait(topics.controls, json.dumps(control("rollback")).encode(), key=b"k")
        await site.acknowledge(dict(begun))  # unsigned
        await site.start()  # unsigned
        assert await signed.dead_letter_reasons(6) == [
            "expired",
            "forged",
            "forged",
            "unsigned",
            "unsigned",
            "unsigned",
        ]

        rollback = dict(begun) | {"schema": "sluicegate.command/v1", "sequence": 99, "id": f"{ROLLOUT}:1:99"}
        rollback |= {"action": "rollback", "weights": {"stable": 100, "canary": 0}, "expires_at": now() + 60_000}
        await signed.say("stranger", "gate", topics.commands, rollback, None)
        [true_start] = [one for one in await site.read(topics.decisions) if json.loads(one.value)["action"] == "start"][
            :1
        ]
        await site.producer.send_and_wait(topics.commands, true_start.value, headers=list(true_start.headers))
        await site.producer.send_and_wait(topics.commands, json.dumps(rollback).encode())
        refused = {"topic": topics.commands}
        counter = "sluicegate_actuator_refused_orders_total"
        for reason, number in (("unsigned", 1), ("forged", 2)):
            labels = refused | {"reason": reason}
            await until(lambda labels=labels, number=number: REGISTRY.get_sample_value(counter, labels) == number)
        assert actuator.asked == [("start", 20.0)]

        for control_name in ("pause", "resume"):
            assert await signed.order(control_name) is not None
        [old] = [one for one in await site.read(topics.controls) if b'"pause"' in one.value]
        assert worker.stop() == 0, worker.log()
        worker = signed.worker("sequencer", "judge")  # one that has seen nothing but the journal and the snapshots
        await worker.ready()
        await site.producer.send_and_wait(topics.controls, old.value, key=old.key, headers=list(old.headers))
        assert (await signed.dead_letter_reasons(7)).count("replayed") == 1
        await worker.shows(_dead(topics.journal, "replayed"), at_least=1)

        assert await signed.order("rollback") is not None
        await until(lambda: actuator.asked[-1] == ("rollback", 0.0))
    actions = [json.loads(value)["action"] for value in (await site.decisions()).values()]
    assert actions == ["start", "pause", "resume", "rollback"]
    assert worker.stop() == 0, worker.log()
    assert await site.replayed() == list((await site.decisions()).values())
    for record in [*await site.read(topics.decisions), *await site.read(topics.acks)]:
        assert HEADER in dict(record.headers) or record.value == b"" or b'"tester"' in record.value
    assert "neither signed" not in worker.log()


async def test_without_keys_a_worker_says_so_and_runs(signed: SignedSite) -> None:
    """One line of warning; unsigned orders count."""
    worker = signed.site.worker("sequencer", "judge")
    await worker.ready()
    await signed.site.start()
    async with signed.site.following(signed.site.topics.decisions) as decisions:
        assert (await anext(decisions))["action"] == "start"
    assert worker.log().count("orders are neither signed nor verified") == 1


def _dead(topic: str, reason: str) -> str:
    return f'sluicegate_dead_letters_total{{reason="{reason}",topic="{topic}"}}'
