"""`why` and `why-not` at the command line, over a real broker."""

import asyncio
import json
import os
import subprocess
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from streams.journal import encode_document
from tests.pipeline.harness import SLUICEGATE, Site
from tools.topics_page import examples as topics_examples


@pytest.fixture
async def site(embedded_broker: str) -> AsyncIterator[Site]:
    """An installation with one decision and one status, as a judge would have published them."""
    async with Site(embedded_broker, f"t{uuid.uuid4().hex[:8]}.") as site:
        for topic, document in ((site.topics.decisions, topics_examples.decision()), (site.topics.status, current())):
            await site.producer.send_and_wait(topic, encode_document(document), key=topics_examples.ROLLOUT.encode())
        yield site


def current() -> dict[str, Any]:
    """Return the status of the examples, judged just now."""
    return dict(topics_examples.status()) | {"event_time": int(time.time() * 1000)}  # noqa: TID251


async def sluicegate(site: Site, *words: str) -> tuple[int, str, str]:
    """Run a command: its exit code, its output and its standard error."""
    known = {"SLUICEGATE_BOOTSTRAP": site.settings.bootstrap, "SLUICEGATE_TOPIC_PREFIX": site.settings.topic_prefix}
    running = await asyncio.create_subprocess_exec(
        *(SLUICEGATE, *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | known
    )
    output, errors = await asyncio.wait_for(running.communicate(), 60)
    assert running.returncode is not None
    return running.returncode, output.decode(), errors.decode()


async def test_asking_why_and_why_not(site: Site) -> None:
    """Both answer in words and as JSON; what is unknown is one line that names near ones."""
    code, output, errors = await sluicegate(site, "why", "checkout-v2:1:2")
    assert (code, errors) == (0, "")
    assert output.startswith("checkout-v2 was rolled back at stage canary at 2026-01-01 00:00:07Z.\nReason: errors: ")
    assert "\njournal      partition 0, offset 21\n" in output

    code, output, errors = await sluicegate(site, "why", "checkout-v2:1:2", "--json")
    assert (code, json.loads(output), errors) == (0, topics_examples.decision(), "")

    assert await sluicegate(site, "why", "checkout-v2:1:3") == (
        1,
        "",
        "sluicegate: no decision checkout-v2:1:3; similar: checkout-v2:1:2\n",
    )
    assert await sluicegate(site, "why", "chekout:1:2") == (
        1,
        "",
        "sluicegate: no decision chekout:1:2; rollouts: checkout-v2\n",
    )

    code, output, errors = await sluicegate(site, "why-not", "checkout-v2")
    assert (code, errors) == (0, "")
    assert output.startswith("checkout-v2 is baking at stage 1 of 2 (canary), baked 1s of 1m, judged until ")
    assert (
        "\nTo advance to stage full it still needs:\n- 59s more of bake (1s of 1m done)\n- errors must pass " in output
    )

    code, output, errors = await sluicegate(site, "why-not", "checkout-v2", "--json")
    answer = json.loads(output)
    assert (code, answer["status"]["rollout"], errors) == (0, "checkout-v2", "")
    assert answer["lacking"][0] == "59s more of bake (1s of 1m done)"

    assert await sluicegate(site, "why-not", "chekout-v2") == (
        1,
        "",
        "sluicegate: no rollout chekout-v2; known: checkout-v2\n",
    )
