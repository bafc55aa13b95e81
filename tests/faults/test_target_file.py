"""The file of an actuator is written by two processes, deleted, and edited by hand."""

import asyncio
import contextlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.kafka.clients import KafkaSettings
from tests.connectors.actuators.contract import decided
from tests.connectors.actuators.gate_topics import acks, create, publish, settings_of
from tests.faults.times import PATIENCE, note
from tests.pipeline.harness import SLUICEGATE

pytestmark = [pytest.mark.faults]

ROLLOUTS = [f"r{number}" for number in range(100)]


async def test_two_actuators_of_one_name_on_one_file(kafka_broker: str, tmp_path: Path) -> None:
    """No weights are lost, and whatever is confirmed is in the file; then it is deleted, and edited by hand."""
    path = tmp_path / "weights.json"
    settings = settings_of(kafka_broker)
    await create(settings)
    with actuating(settings, path), actuating(settings, path):
        for sequence in (1, 2, 3):
            await publish(settings, *(decided(sequence, 10 * sequence, rollout=name) for name in ROLLOUTS))
        await becomes(lambda: shares(path) == dict.fromkeys(ROLLOUTS, 30.0))
        found = await acks(settings, 2 * len(ROLLOUTS))
        assert {ack.weights.get("canary") for ack in found if ack.status == "applied" and ack.sequence == 3} == {30.0}

        path.unlink()
        note("the file of an actuator deleted", await becomes(lambda: shares(path) == dict.fromkeys(ROLLOUTS, 30.0)))
        await quiet(path)
        edited = json.loads(path.read_text())
        edited["r7"]["weights"] = {"stable": 0.0, "canary": 100.0}
        path.write_text(json.dumps(edited))
        assert shares(path)["r7"] == 100.0
        note("weights edited by hand", await becomes(lambda: shares(path) == dict.fromkeys(ROLLOUTS, 30.0)))
        assert "r7:1:3: the weights in force were changed to canary 100%" in (tmp_path / "log").read_text()


@contextlib.contextmanager
def actuating(settings: KafkaSettings, path: Path) -> Iterator[None]:
    """A process that keeps the file."""
    variables = {"SLUICEGATE_BOOTSTRAP": settings.bootstrap, "SLUICEGATE_TOPIC_PREFIX": settings.topic_prefix}
    with path.with_name("log").open("ab") as log:
        process = subprocess.Popen([SLUICEGATE, "actuate", "file", str(path)], env=os.environ | variables, stderr=log)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def shares(path: Path) -> dict[str, Any]:
    """The candidate's weight by rollout."""
    try:
        return {name: entry["weights"]["canary"] for name, entry in json.loads(path.read_text()).items()}
    except FileNotFoundError:
        return {}


def seconds_since_change(path: Path) -> float:
    """Since it was written last."""
    return time.time() - path.stat().st_mtime  # noqa: TID251


async def quiet(path: Path) -> None:
    """Wait until nobody writes the file: both actuators have found it as it should be."""
    async with asyncio.timeout(PATIENCE):
        while seconds_since_change(path) < 8:
            await asyncio.sleep(0.5)


async def becomes(true: Callable[[], bool]) -> float:
    """Wait until it is true; how many seconds that took."""
    began = time.monotonic()
    async with asyncio.timeout(PATIENCE):
        while not true():
            await asyncio.sleep(0.05)
    return time.monotonic() - began
