"""The file of an actuator is written by two processes, deleted, and edited by hand."""

import asyncio
import contextlib
import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.kafka.clients import KafkaSettings
from gates.decisions import Action
from streams.demo.embedded_broker import free_port
from tests.connectors.actuators.contract import decided
from tests.connectors.actuators.gate_topics import acks, create, publish, settings_of
from tests.faults.test_sources import REFUSED, break_canary, rolled_back
from tests.faults.times import PATIENCE, note, now_ms
from tests.faults.trial import Trial
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


async def test_two_owners_of_one_file(kafka_broker: str, tmp_path: Path) -> None:
    """One has rolled back and is killed, the file is deleted: the other writes the rollback, and nothing older ever."""
    path = tmp_path / "weights.json"
    settings = settings_of(kafka_broker)
    await create(settings)
    with actuating(settings, path, "--rollout", "r2"):
        with actuating(settings, path, "--rollout", "r1"):
            await publish(settings, decided(1, 50, rollout="r1"))
            await becomes(lambda: shares(path) == {"r1": 50.0})
            await publish(settings, decided(1, 20, rollout="r2"))
            await becomes(lambda: shares(path) == {"r1": 50.0, "r2": 20.0})
            await publish(settings, decided(2, 0, rollout="r1", action=Action.ROLLBACK))
            await becomes(lambda: shares(path) == {"r1": 0.0, "r2": 20.0})
        path.unlink()
        seen: list[dict[str, Any]] = []
        note("its owner dead, the file deleted", await becomes(lambda: whole(path, seen) == {"r1": 0.0, "r2": 20.0}))
        with actuating(settings, path, "--rollout", "r1"):
            for number in (3, 4):
                await publish(settings, decided(number, 0, rollout="r1"))
                await becomes(lambda number=number: sequence(path, "r1") == number)  # type: ignore[misc]
            await quiet(path)
            path.with_name("weights.json.known").unlink()
            path.unlink()
            took = await becomes(lambda: whole(path, seen) == {"r1": 0.0, "r2": 20.0})
            note("the known orders deleted too", took)
    assert {found.get("r1", 0.0) for found in seen} == {0.0}


async def test_a_target_that_is_pointed_elsewhere_and_cannot_be_written(kafka_broker: str, tmp_path: Path) -> None:
    """A rollback is confirmed only once it is in force at the path; health names it, and nobody repeats it."""
    path, port = tmp_path / "weights.json", free_port()
    settings = settings_of(kafka_broker)
    await create(settings)
    path.symlink_to(tmp_path / "v1.json")
    with actuating(settings, path, "--metrics-port", str(port)):
        await publish(settings, decided(1, 50, rollout="r1"))
        await becomes(lambda: shares(path) == {"r1": 50.0})
        edited = json.loads(path.read_text())
        edited["r1"]["weights"] = {"stable": 0.0, "canary": 100.0}
        (tmp_path / "v2.json").write_text(json.dumps(edited))
        (tmp_path / "new").symlink_to(tmp_path / "v2.json")
        (tmp_path / "new").replace(path)
        note("the link pointed at another file", await becomes(lambda: shares(path) == {"r1": 50.0}))
        path.unlink()
        path.mkdir()
        await publish(settings, decided(2, 0, rollout="r1", action=Action.ROLLBACK))
        await becomes(lambda: "r1:1:2 is not applied" in health(port))
        path.rmdir()
        note("a folder in its place, removed", await becomes(lambda: shares(path) == {"r1": 0.0}))
        await becomes(lambda: health(port) == "")
        found = [ack.status for ack in await acks(settings, 4) if ack.sequence == 2]
        assert (found[0], found[-1]) == ("failed", "applied")


async def test_a_bad_canary_while_its_weights_are_edited_and_deleted(kafka_broker: str) -> None:
    """Somebody gives a failing candidate all traffic, and then deletes the file: it is rolled back, and that stays."""
    async with Trial(kafka_broker, 124, bake="60s") as trial:
        await trial.begin(())
        await trial.judged_past(now_ms() + 1_000)
        assert trial.carrier is not None
        path = trial.carrier.path
        await becomes(lambda: set(shares(path).values()) == {20.0})
        since, trial.mangle = now_ms(), break_canary
        edited = json.loads(path.read_text())
        for entry in edited.values():
            entry["weights"] = {"stable": 0.0, "canary": 100.0}
        path.write_text(json.dumps(edited))
        async with asyncio.timeout(PATIENCE):
            while not all(await rolled_back(trial)):
                await asyncio.sleep(0.2)
        note("weights of a bad canary edited by hand: rolled back", (now_ms() - since) / 1000)
        path.unlink()
        note("the file deleted, with a bad canary", await becomes(lambda: set(shares(path).values()) == {0.0}))
        await trial.holds(REFUSED)


@contextlib.contextmanager
def actuating(settings: KafkaSettings, path: Path, *options: str) -> Iterator[None]:
    """A process that keeps the file."""
    variables = {"SLUICEGATE_BOOTSTRAP": settings.bootstrap, "SLUICEGATE_TOPIC_PREFIX": settings.topic_prefix}
    with path.with_name("log").open("ab") as log:
        command = [SLUICEGATE, "actuate", "file", str(path), *options]
        process = subprocess.Popen(command, env=os.environ | variables, stderr=log)
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


def whole(path: Path, seen: list[dict[str, Any]]) -> dict[str, Any]:
    """The same, kept in `seen` too."""
    seen.append(shares(path))
    return seen[-1]


def sequence(path: Path, rollout: str) -> int:
    """Of the order in force."""
    number: int = json.loads(path.read_text())[rollout]["sequence"]
    return number


def health(port: int) -> str:
    """What is wrong, as the health page has it."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
            return ""
    except urllib.error.HTTPError as error:
        return error.read().decode()


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
