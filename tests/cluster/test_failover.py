"""Nodes of three that die, restart, and are too few: nothing is lost, and a bad canary is still rolled back."""

import asyncio

import pytest

from tests.cluster.cluster_trial import DEFAULT_SESSIONS, FAILING, ClusterTrial
from tests.cluster.nodes import IDS, Nodes
from tests.faults.times import now_ms

pytestmark = [pytest.mark.cluster]


async def test_leaders_that_are_killed(nodes: Nodes) -> None:
    """The leaders of a partition of the journal, of the events and of the decisions are killed, one after the other."""
    async with ClusterTrial(nodes, 80) as trial:
        await trial.begin((), (), **DEFAULT_SESSIONS)
        await trial.judged_past(now_ms())
        topics = trial.site.topics
        for topic, failing in zip((topics.journal, topics.events, topics.decisions), FAILING, strict=True):
            await trial.release(failing)
            await asyncio.sleep(trial.rng.uniform(0, 2))
            await trial.fail_over(nodes, "leader killed", topic, nodes.kill)
            await trial.rolled_back(failing)
            await nodes.repair()
        await trial.unharmed(*FAILING)


async def test_a_leader_that_hangs(nodes: Nodes) -> None:
    """It answers nothing and closes no connection: what was sent to it is sent to the next leader."""
    async with ClusterTrial(nodes, 84) as trial:
        await trial.begin((), (), **DEFAULT_SESSIONS)
        await trial.judged_past(now_ms())
        await trial.release(FAILING[0])
        await asyncio.sleep(trial.rng.uniform(0, 2))
        hanging = await trial.fail_over(nodes, "leader hangs", trial.site.topics.journal, nodes.suspend)
        try:
            await trial.rolled_back(FAILING[0])
        finally:
            nodes.resume(hanging)
        await nodes.repair()
        await trial.unharmed(FAILING[0])


async def test_a_rolling_restart(nodes: Nodes) -> None:
    """Each node is stopped in good order and started again, as for an upgrade."""
    async with ClusterTrial(nodes, 81) as trial:
        await trial.begin((), (), **DEFAULT_SESSIONS)
        await trial.judged_past(now_ms())
        for node, failing in zip(IDS, FAILING, strict=True):
            await trial.release(failing)
            since = now_ms()
            await asyncio.to_thread(nodes.stop, node)
            await nodes.repair()
            await trial.recovered("rolling restart of the nodes", since)
            await trial.rolled_back(failing)
        await trial.unharmed(*FAILING)


async def test_two_of_three_down_and_back(nodes: Nodes) -> None:
    """Two nodes are killed: neither writes nor elections are possible. Then both return."""
    async with ClusterTrial(nodes, 82) as trial:
        await trial.begin((), (), **DEFAULT_SESSIONS)
        await trial.judged_past(now_ms())
        await trial.release(FAILING[0])
        await asyncio.sleep(trial.rng.uniform(0, 1))
        for node in trial.rng.sample(IDS, 2):
            await asyncio.to_thread(nodes.kill, node)
        await asyncio.sleep(20)
        await nodes.repair()
        await trial.recovered("two of three nodes killed, and back", now_ms())
        await trial.rolled_back(FAILING[0])
        await trial.unharmed(FAILING[0])
