"""Two actuators of one name at work on one rollout: its status names them."""

import uuid

from connectors.actuators.executor import Executor
from connectors.actuators.log import LogActuator
from connectors.actuators.wanted import decode
from streams.journal import encode_document
from tests.pipeline.harness import PATIENCE, Site


async def test_the_status_names_two_actuators_of_one_name(embedded_broker: str) -> None:
    """From the second order on that both have acked."""
    async with Site(embedded_broker, f"d{uuid.uuid4().hex[:8]}.") as site:
        await site.worker("sequencer", "judge").ready()
        await site.start()
        both = [Executor(LogActuator(), lambda: 0) for _ in range(2)]
        async with site.following(site.topics.decisions) as orders:
            order = decode(encode_document(await anext(orders)))
        for _ in range(2):
            for each in both:
                ack = (await each.carry_out(order)).encoded()
                await site.producer.send_and_wait(site.topics.acks, ack, key=order.rollout.encode())
        async with site.following(site.topics.status, patience=PATIENCE) as statuses:
            async for status in statuses:
                if "doubled_actuators" in status:
                    break
        assert status["doubled_actuators"] == ["log"]
