"""A partition of the journal without a leader: its rollouts wait, and all others are judged."""

import asyncio
import urllib.error

import pytest

from connectors.kafka.clients import partition_for
from tests.cluster.cluster_trial import DEFAULT_SESSIONS, FAILING, ClusterTrial
from tests.cluster.nodes import Nodes
from tests.faults.times import PATIENCE, now_ms
from tests.faults.trial import ROLLOUTS
from tests.pipeline.harness import PARTITIONS

pytestmark = [pytest.mark.cluster]


async def test_a_journal_partition_without_a_leader(nodes: Nodes) -> None:
    """The only replica of one partition is down for most of a minute: the rollouts of the other one do not notice."""
    trial = ClusterTrial(nodes, 83)
    await nodes.make_topic(trial.site.topics.journal, {0: [1], 1: [2]}, **{"min.insync.replicas": "1"})
    lost, live = sorted(ROLLOUTS, key=journal_partition)
    failing, failing_there = (next(name for name in FAILING if journal_partition(name) == number) for number in (1, 0))
    async with trial:
        (post,) = await trial.begin((), **DEFAULT_SESSIONS)
        await trial.judged_past(now_ms())
        since = now_ms()
        await asyncio.to_thread(nodes.kill, 1)
        await asyncio.sleep(15)  # until what node 1 leads of the other topics has another leader
        await trial.release(failing_there)  # its order cannot be journaled, and is before the one that can
        await trial.release(failing)
        await trial.recovered("journal partition without a leader, the others", since, (live,))
        await trial.rolled_back(failing)
        await trial.judged_past(since + 45_000, 2 * PATIENCE, (live,))
        with pytest.raises(urllib.error.HTTPError, match="503"):
            await asyncio.to_thread(post.worker.get, "/healthz")
        assert trial.newest[lost] < since + 10_000
        await nodes.repair()
        await trial.recovered("journal partition without a leader for a minute, and back", now_ms())
        await trial.rolled_back(failing_there)
        await trial.unharmed(failing, failing_there)


def journal_partition(rollout: str) -> int:
    """The journal partition of a rollout."""
    return partition_for(rollout, PARTITIONS["journal"])
