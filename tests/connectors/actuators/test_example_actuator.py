"""Actuators as programs: the example, and the command line; started, obeyed, stopped by a signal."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from connectors.actuators import FileActuator
from connectors.kafka.clients import KafkaSettings
from gates.decisions import Action
from streams.cli.actuate import actuate
from streams.demo.embedded_broker import free_port
from tests.connectors.actuators.contract import decided
from tests.connectors.actuators.gate_topics import PATIENCE_S, acks, create, outcomes, publish, settings_of
from tests.paths import ROOT

EXAMPLE = ROOT / "examples" / "custom_actuator.py"
ACTUATE = ["-c", "from streams.cli.actuate import actuate; actuate()"]


@pytest.fixture
async def settings(embedded_broker: str) -> KafkaSettings:
    """Topics of the test's own."""
    settings = settings_of(embedded_broker)
    await create(settings)
    return settings


@contextlib.asynccontextmanager
async def program(settings: KafkaSettings, *arguments: str, stop: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a Python program against the broker, then stop it by a signal: it must exit with 0."""
    environment = os.environ | {
        "SLUICEGATE_BOOTSTRAP": settings.bootstrap,
        "SLUICEGATE_TOPIC_PREFIX": settings.topic_prefix,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, env=environment, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield process
        process.send_signal(stop)
        assert await asyncio.wait_for(process.wait(), PATIENCE_S) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def test_the_example_is_short() -> None:
    """It has twenty lines at most, counting all."""
    assert len(EXAMPLE.read_text().splitlines()) <= 20


async def test_the_example_steers_nginx(settings: KafkaSettings, tmp_path: Path) -> None:
    """It writes nginx's file at each decision, acks, and ends well on SIGTERM."""
    split = tmp_path / "split.conf"
    await publish(settings, decided(1, 12.5))
    async with program(settings, str(EXAMPLE), str(split), stop=signal.SIGTERM):
        assert outcomes(await acks(settings, 1)) == [("checkout-v2:1:1", "applied", 12.5)]
        assert split.read_text() == 'split_clients "$request_id" $cohort {\n    87.50% stable;\n    12.50% canary;\n}\n'
        await publish(settings, decided(2, 0, action=Action.ROLLBACK))
        assert outcomes(await acks(settings, 2))[1] == ("checkout-v2:1:2", "applied", 0)
        assert split.read_text() == 'split_clients "$request_id" $cohort {\n    100.00% stable;\n}\n'


async def test_actuate_file(settings: KafkaSettings, tmp_path: Path) -> None:
    """The file follows the rollouts asked for, and Ctrl-C ends it well."""
    path = tmp_path / "weights.json"
    await publish(settings, decided(1, 5), decided(1, 50, rollout="other"))
    arguments = [*ACTUATE, "file", str(path), "--rollout", "checkout-v2", "--bootstrap", settings.bootstrap]
    async with program(settings, *arguments, stop=signal.SIGINT):
        assert outcomes(await acks(settings, 1)) == [("checkout-v2:1:1", "applied", 5)]
    assert FileActuator(path).last_applied() == {"checkout-v2": (1, 1)}


async def test_actuate_log(settings: KafkaSettings) -> None:
    """What is wanted is a line on stderr; what was refused is counted on a page of its own, on loopback."""
    await publish(settings, decided(2, 5))
    port = free_port()
    words = ("log", "--name", "shadow", "--metrics-port", str(port))
    async with program(settings, *ACTUATE, *words, stop=signal.SIGTERM) as process:
        await acks(settings, 1)
        await publish(settings, decided(1, 50))
        found = await acks(settings, 2)
        stale = f'{{reason="stale",topic="{settings.topics.decisions}"}} 1.0'
        async with asyncio.timeout(PATIENCE_S):
            while f"sluicegate_actuator_refused_orders_total{stale}" not in await asyncio.to_thread(_page, port):
                await asyncio.sleep(0.05)
    assert found[0].actuator == "shadow"
    assert process.stderr is not None
    log = (await process.stderr.read()).decode()
    assert "checkout-v2:1:2 advance at canary: stable 95%, canary 5%: because" in log
    assert "Traceback" not in log


def _page(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        page: str = answer.read().decode()
        return page


def test_actuate_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    """A file of something else, or a bad prefix: exit code 2, and why."""
    other = tmp_path / "other.json"
    other.write_text("[]")
    refused = CliRunner().invoke(actuate, ["file", str(other)])
    assert (refused.exit_code, "is not a file of wanted weights" in refused.stderr) == (2, True)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = CliRunner().invoke(actuate, ["log", "--metrics-port", port])
    assert (refused.exit_code, f"port {port} of 127.0.0.1 is in use" in refused.stderr) == (2, True)
    refused = CliRunner().invoke(actuate, ["log", "--topic-prefix", "a b"])
    assert (refused.exit_code, "--topic-prefix: 'a b'" in refused.stderr) == (2, True)
