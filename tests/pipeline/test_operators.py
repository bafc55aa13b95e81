"""Operators at the command line, against real workers over a real broker."""

import asyncio
import itertools
import json
import os
import subprocess
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from aiokafka.admin import RecordsToDelete
from aiokafka.structs import TopicPartition

from connectors.kafka.clients import admin
from streams import journal
from streams.worker.app import MOST_WAITING
from tests.pipeline.harness import POLICY, SLUICEGATE, Site, traffic
from tools.topics_page import examples as topics_examples


@pytest.fixture
async def site(broker: str) -> AsyncIterator[Site]:
    """An installation of the test's own."""
    async with Site(broker, f"t{uuid.uuid4().hex[:8]}.") as site:
        yield site


@pytest.fixture
def policy(tmp_path: Path) -> str:
    """Write the policy."""
    path = tmp_path / "policy.yaml"
    path.write_text(yaml.safe_dump(POLICY.document()))
    return str(path)


@pytest.fixture
def other(tmp_path: Path) -> str:
    """Write the policy of another team's rollout by the same name."""
    path = tmp_path / "other.yaml"
    path.write_text(yaml.safe_dump({**POLICY.document(), "owner": "search"}))
    return str(path)


async def test_a_flood_of_acks_is_taken_bit_by_bit(site: Site) -> None:
    """Many more than may wait for their agent: each gets into the journal, and the worker stays healthy."""
    worker = site.worker("sequencer")
    await worker.ready()
    for number in range(4 * MOST_WAITING):
        ack = topics_examples.record(journal.Ack)
        value = journal.encode(msgspec.structs.replace(ack, sequence=number))
        await site.producer.send(site.topics.acks, value, partition=number % 2)
    seen: set[int] = set()
    async with asyncio.timeout(60):
        while len(seen) < 4 * MOST_WAITING:
            await asyncio.sleep(0.5)
            records = [journal.decode(record.value) for record in await site.read(site.topics.journal)]
            seen = {record.sequence for record in records if isinstance(record, journal.Ack)}
    assert json.loads(worker.get("/healthz"))["ok"]
    assert worker.stop() == 0, worker.log()


class Done:
    """What a command printed and how it exited."""

    def __init__(self, code: int, output: str, errors: str) -> None:
        self.code, self.output, self.errors = code, output, errors

    def json(self) -> Any:
        """Its output as JSON."""
        return json.loads(self.output)


async def rollout(site: Site, *arguments: str) -> Done:
    """Run `sluicegate rollout` as an operator does."""
    return await sluicegate(site, "rollout", *arguments)


async def sluicegate(site: Site, *arguments: str, columns: int = 200) -> Done:
    """Run a command, on a terminal of this width."""
    known = {"SLUICEGATE_BOOTSTRAP": site.settings.bootstrap, "SLUICEGATE_TOPIC_PREFIX": site.settings.topic_prefix}
    running = await asyncio.create_subprocess_exec(
        *(SLUICEGATE, *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | known | {"COLUMNS": str(columns)},
    )
    output, errors = await asyncio.wait_for(running.communicate(), 60)
    assert running.returncode is not None
    return Done(running.returncode, output.decode(), errors.decode())


async def test_orders_are_carried_out_or_refused(site: Site, policy: str, other: str) -> None:
    """Start, pause, resume, promote, rollback: each answered with its decision, or with why not."""
    await site.worker().ready()
    started = await rollout(site, "start", policy, "--by", "ann", "--reason", "the new cart")
    assert (started.code, started.errors) == (0, "")
    assert "start     canary  stable 80%, canary 20%  ann started " in started.output
    assert "the new cart" in started.output

    again = await rollout(site, "start", policy)
    assert again.code == 1
    assert again.errors == (
        "sluicegate: checkout-v2 is already running with this policy (epoch 1, stage canary); "
        "watch it with sluicegate rollout watch checkout-v2\n"
    )

    resumed = await rollout(site, "resume", "checkout-v2")
    assert (resumed.code, resumed.output) == (1, "")
    assert resumed.errors.startswith("sluicegate: resume refused: the rollout is ")

    paused = await rollout(site, "pause", "checkout-v2", "--by", "bob", "--reason", "a look\nat the logs")
    assert paused.code == 0, paused.errors
    assert "bob ordered pause (reason: a look at the logs)" in paused.output

    listed = (await rollout(site, "list", "--json")).json()
    assert [(one["rollout"], one["phase"]) for one in listed] == [("checkout-v2", "paused")]
    assert "paused" in (await rollout(site, "list")).output

    shown = (await rollout(site, "show", "checkout-v2", "--json")).json()
    assert shown["status"]["control"]["accepted"] is True
    assert [(one["action"], one["by"]) for one in shown["decisions"]] == [("start", "ann"), ("pause", "bob")]
    assert "bob ordered pause" in (await rollout(site, "show", "checkout-v2")).output

    advanced = await rollout(site, "advance", "checkout-v2", "--by", "cy", "--timeout", "3")
    assert advanced.code == 6, "no actuator runs"
    assert "stable 50%, canary 50%  cy ordered advance from stage canary, overriding the pause (" in advanced.output
    last = await rollout(site, "advance", "checkout-v2")
    assert (last.code, last.output) == (1, "")
    assert last.errors == "sluicegate: advance refused: half is the last stage; promote the rollout instead\n"

    assert (await rollout(site, "promote", "checkout-v2", "--timeout", "3")).code == 6
    watched = await rollout(site, "watch", "checkout-v2", "--timeout", "1")
    assert watched.code == 6, watched.errors
    assert "promote   half  stable 0%, canary 100%" in watched.output

    again = await rollout(site, "start", policy)
    moved = (
        "checkout-v2 is promoted, but the promotion is not confirmed (no weights are confirmed in its epoch); "
        "starting it again sets canary to 20% and stable to 80%"
    )
    assert (again.code, again.errors) == (1, f"sluicegate: start refused: {moved}; add --yes to do so\n")
    taken = await rollout(site, "start", other, "--yes")
    assert "start refused: the policy differs from that of epoch 1: owner is search, was missing;" in taken.errors

    rolled_back = await rollout(site, "rollback", "checkout-v2", "--timeout", "3")
    assert (rolled_back.code, rolled_back.errors.count("\n")) == (6, 1), rolled_back.errors
    assert rolled_back.errors.startswith("sluicegate: checkout-v2 is rolled back, but lacks confirmation of order ")
    assert "(stable 100%, canary 0%), try 1 of 5: no actuator has reported; actual weights " in rolled_back.errors
    assert (await rollout(site, "watch", "checkout-v2", "--timeout", "1")).code == 6
    assert (await rollout(site, "rollback", "checkout-v2")).errors.startswith(
        "sluicegate: rollback refused: the rollback is ordered and not confirmed (try "
    )

    second = await rollout(site, "start", policy)
    assert second.output.startswith("checkout-v2:2:1  ")

    assert (await rollout(site, "promote", "checkout-v2", "--timeout", "3")).code == 6
    third = await rollout(site, "start", other, "--yes", "--replace")
    assert (third.errors, third.output.split()[0]) == (f"{moved}\n", "checkout-v2:3:1")

    replayed = await sluicegate(site, "replay", "--journal", "--json")
    assert (replayed.code, replayed.errors) == (0, "")
    assert replayed.output.encode().splitlines() == list((await site.decisions()).values())
    assert "ann started" in (await sluicegate(site, "replay", "--journal", "--rollout", "checkout-v2")).output
    absent = await sluicegate(site, "replay", "--journal", "--rollout", "nothing")
    assert (absent.code, absent.errors) == (
        1,
        "sluicegate: no rollout nothing in the journal; known: checkout-v2\n",
    )

    unknown = await rollout(site, "show", "nothing")
    assert (unknown.code, unknown.errors) == (1, "sluicegate: no rollout nothing; known: checkout-v2\n")


async def test_rollouts_are_frozen_and_unfrozen(site: Site, policy: str, other: str) -> None:
    """An answer from each journal partition; orders are refused, or recorded as overriding it."""
    await site.worker().ready()
    assert (await rollout(site, "start", policy, "--by", "ann")).code == 0
    frozen = await rollout(site, "freeze", "--for", "2h", "--by", "cy", "--reason", "peak sales")
    assert (frozen.code, frozen.errors) == (0, "")
    assert frozen.output.startswith("rollouts are frozen by cy until 20")
    assert frozen.output.endswith(" (reason: peak sales)\n")
    promoted = await rollout(site, "promote", "checkout-v2")
    assert (promoted.code, promoted.output) == (1, "")
    assert promoted.errors.startswith("sluicegate: promote refused: rollouts are frozen by cy until 20")
    assert promoted.errors.endswith("(reason: peak sales); wait for its end, or add --override-freeze\n")
    assert "baking, frozen" in (await rollout(site, "list")).output
    assert "frozen by cy until" in (await rollout(site, "show", "checkout-v2")).output
    assert (
        "- the end of the freeze: rollouts are frozen by cy"
        in (await sluicegate(site, "why-not", "checkout-v2")).output
    )
    refused = await rollout(site, "start", other, "--replace")
    assert refused.errors.startswith("sluicegate: start refused: rollouts are frozen by cy")
    overridden = await rollout(site, "promote", "checkout-v2", "--override-freeze", "--by", "dee", "--timeout", "3")
    assert "dee ordered promote, overriding a freeze (rollouts are frozen by cy until" in overridden.output

    labelled = await rollout(site, "freeze", "--label", "tier=1")
    assert len(labelled.output.splitlines()) == 2
    unlabelled: tuple[str, ...] = ()
    for flags in (unlabelled, ("--label", "tier=1")):
        ended = await rollout(site, "unfreeze", *flags)
    assert (ended.code, ended.output) == (0, "no operator has frozen rollouts\n")
    for wrong in (
        ("--label", "tier"),
        ("--for", "2h", "--until", "2126-01-01"),
        ("--until", "2020-01-01"),
        ("--for", "0s"),
    ):
        assert (await rollout(site, "freeze", *wrong)).code == 2
    replayed = await sluicegate(site, "replay", "--journal", "--json")
    assert replayed.output.encode().splitlines() == list((await site.decisions()).values())


async def test_watching_until_the_rollback(site: Site, policy: str) -> None:
    """`watch` prints each change as it comes, and exits with 3 when the rollout is rolled back."""
    await site.worker().ready()
    assert (await rollout(site, "start", policy)).code == 0
    watching = asyncio.create_task(rollout(site, "watch", "checkout-v2"))
    rounds = itertools.count()
    while not watching.done():
        now = int(time.time() * 1000)  # noqa: TID251
        bad = 0.5 if next(rounds) > 40 else 0.0  # it bakes for some seconds first
        await site.send([event | {"ts": now} for event in traffic(now, 1, rps=40, bad=bad)])
        await asyncio.sleep(0.2)
        for decision in map(json.loads, (await site.decisions()).values()):
            if decision["action"] == "rollback":  # only its confirmation ends `watch`
                await site.acknowledge(decision)
    watched = await watching
    assert watched.code == 3, watched.errors
    lines = watched.output.splitlines()
    assert any("  start     canary  " in line for line in lines)
    assert any("  rollback  canary  stable 100%, canary 0%  errors: " in line for line in lines)
    assert any("  baking  stage 1 of 2 (canary), baked " in line for line in lines)
    assert "  rolled back  stage 1 of 2 (canary)" in lines[-1]


async def test_without_a_worker(site: Site, policy: str) -> None:
    """An unanswered order is reported as recorded, and takes effect once a worker runs."""
    assert (await rollout(site, "list")).errors == "no rollout yet: start one with `sluicegate rollout start FILE`\n"
    silent = await rollout(site, "start", policy, "--timeout", "1")
    assert (silent.code, silent.output) == (1, "")
    assert silent.errors.startswith(
        "sluicegate: start was recorded but not answered within 1s; it takes effect when a worker "
    )
    await site.worker().ready()
    async with site.following(site.topics.decisions) as decisions:
        assert (await anext(decisions))["action"] == "start"


async def test_not_waiting(site: Site, policy: str) -> None:
    """With `--no-wait` the order is sent, and that is printed."""
    sent = await rollout(site, "start", policy, "--no-wait")
    assert sent.code == 0
    assert sent.output.startswith("checkout-v2: start was sent;")


async def test_missing_topics_are_named(broker: str) -> None:
    """Where nothing was set up yet, the topics are named and what makes them; and asking creates none."""
    nowhere = Site(broker, f"t{uuid.uuid4().hex[:8]}.")
    for _ in range(2):
        listed = await rollout(nowhere, "list")
        assert listed.code == 1
        assert listed.errors.count("\n") == 1
        assert f"{nowhere.topics.decisions}, {nowhere.topics.status}: run `sluicegate topics ensure`" in listed.errors


async def test_a_policy_with_faults_is_not_sent(site: Site, tmp_path: Path) -> None:
    """Every fault of the file is printed with its line, before anything goes to a topic."""
    broken = tmp_path / "broken.yaml"
    broken.write_text("schema: sluicegate.policy/v1\nrollout: a/b\n")
    started = await rollout(site, "start", str(broken))
    assert started.code == 1
    assert f"{broken}:2: rollout: " in started.errors
    assert f"{broken}:1: checks: " in started.errors
    assert await site.read(site.topics.policies) == []


@pytest.mark.kafka
async def test_a_truncated_journal_is_reported(kafka_broker: str) -> None:
    """A journal whose beginning is gone is replayed all the same, with a warning on standard error."""
    async with Site(kafka_broker, f"t{uuid.uuid4().hex[:8]}.") as site:
        topic = site.topics.journal
        for offset in range(4):
            record = journal.Progress(worker="tester", wall=offset, sources=[])
            await site.producer.send_and_wait(topic, journal.encode(record), partition=0)
        client = admin(site.settings)
        await client.start()
        try:
            await client.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=3)})
        finally:
            await client.close()
        replayed = await sluicegate(site, "replay", "--journal", "--json")
        assert (replayed.code, replayed.output) == (0, "")
        assert replayed.errors.startswith("journal partition 0 is truncated: offsets before 3 are missing;")
