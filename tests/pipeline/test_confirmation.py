"""What a person sees of an order that one of two real actuators fails to carry out, and once it has recovered."""

import asyncio
import contextlib
import re
import uuid
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
import yaml

from connectors.actuators import Actuator, FileActuator, Wanted, run
from gates.policy import Policy
from streams.demo.embedded_broker import LOOPBACK, free_port
from tests.pipeline.harness import POLICY, Site
from tests.pipeline.test_operators import rollout, sluicegate

COMMANDS = {"actuators": ["eu", "us"], "ack_within": "1s", "tries": 3}


class Router:
    """An actuator whose router is reached over TCP."""

    name = "us"

    def __init__(self) -> None:
        self.port = free_port()

    async def apply(self, wanted: Wanted) -> Mapping[str, float]:
        """Connect to the router; nothing else can go wrong."""
        _, writer = await asyncio.open_connection(LOOPBACK, self.port)
        writer.close()
        await writer.wait_closed()
        return wanted.weights

    async def recover(self) -> asyncio.Server:
        """Let the router answer from now on."""
        return await asyncio.start_server(lambda _, writer: writer.close(), LOOPBACK, self.port)


@pytest.fixture
async def site(embedded_broker: str) -> AsyncIterator[Site]:
    """An installation of the test's own."""
    async with Site(embedded_broker, f"c{uuid.uuid4().hex[:8]}.") as site:
        yield site


@pytest.fixture
def policy(tmp_path: Path) -> str:
    """Write a policy that needs both actuators."""
    path = tmp_path / "policy.yaml"
    path.write_text(yaml.safe_dump(Policy.parse(POLICY.document() | {"commands": COMMANDS}).document()))
    return str(path)


@contextlib.asynccontextmanager
async def running(site: Site, *actuators: Actuator) -> AsyncIterator[None]:
    """Run the actuators beside the test."""
    stop = asyncio.Event()
    tasks = [asyncio.create_task(run(actuator, site.settings, stop=stop)) for actuator in actuators]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def decided(site: Site, action: str) -> str:
    """Wait for the first decision with this action; returns its reason."""
    async with site.following(site.topics.decisions) as decisions:
        async for decision in decisions:
            if decision["action"] == action:
                return str(decision["reason"])
    raise AssertionError(action)


async def test_one_of_two_actuators_fails_and_recovers(site: Site, policy: str, tmp_path: Path) -> None:
    """Nothing is shown as done, or exits as if it were, before both have confirmed the newest order."""
    worker, router = site.worker(), Router()
    await worker.ready()
    async with running(site, FileActuator(tmp_path / "weights.json", "eu"), router):
        started = await rollout(site, "start", policy)
        assert started.code == 0, started.errors
        reason = await decided(site, "hold")
        assert reason.startswith(
            "order checkout-v2:1:1 (stable 80%, canary 20%) is not confirmed after 3 tries: "
            "us failed: ConnectionRefusedError: "
        )
        assert "actual weights are unknown" in reason

        await sees_one_of_two(site)
        await ends_unconfirmed(site)
        await worker.shows('sluicegate_order_unconfirmed{rollout="checkout-v2"}', at_least=1)
        async with await router.recover():
            await ends_confirmed(site, policy)


async def sees_one_of_two(site: Site) -> None:
    """`show`, its JSON, `list` and `why-not`: who confirmed, who failed with what words, which try."""
    shown = await rollout(site, "show", "checkout-v2")
    words = " ".join(shown.output.replace("│", " ").split())
    assert "ordered stable 80%, canary 20% not confirmed, 3 tries used up" in words
    assert "confirmed by eu only us failed: ConnectionRefusedError: " in words
    assert "last confirmed none in this epoch" in words
    assert "in force" not in words

    status = (await rollout(site, "show", "checkout-v2", "--json")).json()["status"]
    assert (status["confirmed"], status["in_force"], status["cause"]) == (False, None, "unconfirmed")
    order = status["order"]
    assert (order["confirmed"], order["confirmed_by"], order["waiting_for"]) == (False, ["eu"], ["us"])
    assert [(one["actuator"], one["status"]) for one in order["reports"] if not one["confirms"]] == [("us", "failed")]

    assert "no, 3 tries used up" in (await rollout(site, "list")).output
    lacking = (await sluicegate(site, "why-not", "checkout-v2", "--json")).json()["lacking"]
    confirmation = (
        "confirmation of order checkout-v2:1:1 (stable 80%, canary 20%), 3 tries used up: confirmed by eu only; "
    )
    assert sum(one.startswith(f"{confirmation}us failed: ConnectionRefusedError: ") for one in lacking) == 1
    why = (await sluicegate(site, "why", "checkout-v2:1:1")).output
    assert "Confirmation: not confirmed, 3 tries used up: confirmed by eu only; us failed: ConnectionRefused" in why


async def ends_unconfirmed(site: Site) -> None:
    """A rollback that one of two carried out: decided, and neither the order nor `watch` exits as if it were done."""
    ordered = await rollout(site, "rollback", "checkout-v2", "--timeout", "2")
    assert (ordered.code, "  rollback  canary  stable 100%, canary 0%  " in ordered.output) == (6, True)
    lacks = r"is rolled back, but lacks confirmation of order checkout-v2:1:\d \(stable 100%, canary 0%\), "
    assert re.search(f"{lacks}try . of 3: confirmed by eu only; us failed: ConnectionRefusedError: ", ordered.errors)

    watched = await rollout(site, "watch", "checkout-v2")
    assert watched.code == 6, watched.output
    words = f"{lacks}3 tries used up: confirmed by eu only; us failed: ConnectionRefusedError: "
    assert re.search(words, watched.errors), watched.errors
    assert "actual weights are unknown" in (await sluicegate(site, "why-not", "checkout-v2")).output.lower()


async def ends_confirmed(site: Site, policy: str) -> None:
    """Once both have confirmed: rolled back and in force; then a promotion that is done when its order returns."""
    watched = await rollout(site, "watch", "checkout-v2", "--timeout", "45")
    assert watched.code == 3, watched.errors
    assert "stable 100%, canary 0% (confirmed by " in watched.output.splitlines()[-1]
    words = " ".join((await rollout(site, "show", "checkout-v2")).output.replace("│", " ").split())
    assert "in force stable 100%, canary 0%, by eu, us, since " in words

    assert (await rollout(site, "start", policy)).code == 0
    promoted = await rollout(site, "promote", "checkout-v2")
    assert (promoted.code, promoted.errors) == (0, "")
    assert (await rollout(site, "watch", "checkout-v2")).code == 0
