"""Two installations that share a prefix by mistake: metric, log and status name the setting in which they differ."""

import asyncio
import uuid

from tests.pipeline.harness import PATIENCE, Site


async def test_two_workers_with_other_settings_are_reported(embedded_broker: str) -> None:
    """The judge compares what others report with its own."""
    async with Site(embedded_broker, f"d{uuid.uuid4().hex[:8]}.") as site:
        judge = site.worker("judge")
        other = site.worker("sequencer", SLUICEGATE_MAX_FUTURE_MS="5000", SLUICEGATE_WORKER_ID="other")
        await asyncio.gather(judge.ready(), other.ready())
        await judge.shows('sluicegate_differing_settings{setting="max_future_ms"}', at_least=1)
        assert "worker other shares the prefix and differs in its settings: max_future_ms 5000" in judge.log()
        await site.start()
        async with site.following(site.topics.status, patience=PATIENCE) as statuses:
            async for status in statuses:
                if status.get("settings_differ"):
                    break
        assert status["settings_differ"] == ["worker other has max_future_ms 5000, here 60000"]
