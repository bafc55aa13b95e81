"""The audit log, written by real workers over a real broker."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator

import pytest

from connectors.kafka.clients import KafkaSettings
from streams import journal
from streams.audit.verifying import GRACE_MS
from streams.audit.writer import Writer
from streams.runtime.settings import Settings
from tests.pipeline.harness import PATIENCE, POLICY, Site, metric
from tests.pipeline.test_operators import Done, sluicegate


@pytest.fixture
async def site(broker: str) -> AsyncIterator[Site]:
    """An installation of the test's own."""
    async with Site(broker, f"t{uuid.uuid4().hex[:8]}.") as site:
        yield site


async def send_all(site: Site, numbers: range) -> None:
    """For each number, send a control, an ack and a decision."""
    for number in numbers:
        now = int(time.time() * 1000)  # noqa: TID251
        rollout = f"r{number % 7}"
        control = journal.Control(rollout=rollout, control="pause", by="ann", reason=f"look {number}", at=now)
        ack = journal.Ack(
            id=f"{rollout}:1:1",
            rollout=rollout,
            epoch=1,
            sequence=1,
            actuator="router",
            status="applied",
            weights={},
            at=now,
        )
        for topic, message in ((site.topics.controls, control), (site.topics.acks, ack)):
            await site.producer.send(topic, journal.encode(message), key=rollout.encode())
        decision = {"schema": "sluicegate.decision/v1", "id": f"{rollout}:1:{number}", "rollout": rollout}
        await site.producer.send(site.topics.decisions, json.dumps(decision).encode(), key=rollout.encode())
    await site.producer.flush()


async def verified(site: Site, entries: int) -> Done:
    """The result of verify once the chain has at least this many entries, or when the time is up."""
    deadline = time.monotonic() + PATIENCE
    while True:
        done = await sluicegate(site, "audit", "verify", "--json")
        if done.json()["entries"] >= entries or time.monotonic() > deadline:
            return done


async def test_a_rollout_is_recorded(site: Site) -> None:
    """Start, decision, order, approval, ack: each has its entry with actor and reason, and the chain holds."""
    worker = site.worker()
    await worker.ready()
    await site.start(POLICY)
    async with site.following(site.topics.decisions) as decisions:
        await site.acknowledge(await anext(decisions))
        for word in ("approve", "rollback"):
            message = journal.Control(rollout="checkout-v2", control=word, by="bob", reason="=enough", at=0)
            await site.producer.send_and_wait(site.topics.controls, journal.encode(message), key=b"checkout-v2")
        rolled_back = await anext(one async for one in decisions if one["action"] == "rollback")
    done = await verified(site, 7)
    assert (done.code, done.json()["findings"]) == (0, [])
    exported = await sluicegate(site, "audit", "export", "--rollout", "checkout-v2", "--since", "1h")
    entries = [json.loads(line) for line in exported.output.splitlines()]
    found = {(one["kind"], one["actor"], one["action"], one["reason"]) for one in entries}
    assert found >= {
        ("start", "tester", "start", "a test"),
        ("control", "bob", "rollback", "=enough"),
        ("approval", "bob", "approve", "=enough"),
        ("decision", "bob", "rollback", rolled_back["reason"]),
        ("command", "bob", "rollback", rolled_back["reason"]),
        ("ack", "tester", "applied", ""),
    }
    assert [one["sequence"] for one in entries] == list(range(1, len(entries) + 1))
    table = (await sluicegate(site, "audit", "export", "--format", "csv")).output.splitlines()
    assert len(table) >= len(entries) + 1
    assert any(",approval,checkout-v2,bob,approve,'=enough," in line for line in table)
    page = worker.get("/metrics")
    assert metric(page, 'sluicegate_audit_entries_total{kind="approval"}') == 1
    assert metric(page, f'sluicegate_audit_lag_records{{topic="{site.topics.decisions}"}}') == 0
    assert json.loads(worker.get("/healthz"))["loops"]["audit"] == "ok"
    assert worker.stop() == 0, worker.log()


async def test_killed_in_the_midst_of_auditing(site: Site) -> None:
    """Kill -9 of the auditing worker, again and again: no gap, no duplicate, and the chain holds."""
    for part in range(3):
        worker = site.worker("audit")
        sending = asyncio.create_task(send_all(site, range(part * 200, (part + 1) * 200)))
        await worker.ready()
        await asyncio.sleep(0.2 * part)
        await sending
        worker.kill()
    last = site.worker("audit")
    spare = site.worker("audit")
    await spare.ready()
    done = await verified(site, 1800)
    assert (done.code, done.json()["entries"], done.json()["not_yet_recorded"]) == (0, 1800, 0), done.output
    assert all(finding["kind"] in ("fork", "repeat") for finding in done.json()["findings"])
    assert [worker.stop() for worker in (last, spare)] == [0, 0], last.log() + spare.log()


class Together(Writer):
    """A writer that, for as long as there is a barrier, writes only once the other has found its head as well."""

    barrier: asyncio.Barrier | None = None

    async def _read_log(self, timeout_ms: int) -> None:
        await super()._read_log(timeout_ms)
        if timeout_ms == 0 and self.barrier is not None:
            await self.barrier.wait()


async def test_two_writers_at_once(site: Site) -> None:
    """Two that each act as the only one, as after a long pause: one chain with everything once, forks void."""
    settings = [
        Settings(**KafkaSettings.model_dump(site.settings), roles=("audit",), worker_id=name) for name in ("a", "b")
    ]
    writers = [Together(one) for one in settings]
    for writer in writers:
        await writer.open(None)
    try:
        both = asyncio.Barrier(2)
        for writer in writers:
            writer.barrier = both
        for part in range(5):
            await send_all(site, range(part * 20, (part + 1) * 20))
            await asyncio.gather(*(writer.step(int(PATIENCE) * 1000) for writer in writers))
        for writer in writers:
            writer.barrier = None
        async with asyncio.timeout(PATIENCE):
            while (await sluicegate(site, "audit", "verify", "--json")).json()["entries"] < 300:
                for writer in writers:
                    await writer.step(200)
    finally:
        for writer in writers:
            await writer.close()
    done = (await sluicegate(site, "audit", "verify", "--json")).json()
    assert (done["broken"], done["entries"], done["not_yet_recorded"]) == (False, 300, 0)
    assert {finding["kind"] for finding in done["findings"]} == {"fork"}
    head, wrong = done["head"], "0" * 64
    assert (await sluicegate(site, "audit", "verify", "--from", head)).code == 0
    assert (await sluicegate(site, "audit", "verify", "--from", f"300:{wrong}")).code == 1
    assert (await sluicegate(site, "audit", "verify", "--from", "301")).code == 1
    assert (await sluicegate(site, "audit", "verify", "--from", "x")).code == 2


async def test_what_is_not_recorded_is_found(site: Site) -> None:
    """A decision that is old and has no entry breaks the log; so does a log that somebody wrote into."""
    empty = await sluicegate(site, "audit", "verify")
    assert (empty.code, empty.output) == (0, "intact: 0 entries; head none yet\n")
    long_ago = time.time_ns() // 1_000_000 - 2 * GRACE_MS  # noqa: TID251  (within retention, or the broker deletes it)
    await site.producer.send_and_wait(site.topics.decisions, b"{}", partition=0, timestamp_ms=long_ago)
    missed = await sluicegate(site, "audit", "verify")
    assert missed.code == 1
    assert f"BROKEN  unrecorded: {site.topics.decisions} 0@0 is not in the log, after " in missed.output
    await site.producer.send_and_wait(site.topics.audit, b"nonsense\x1b[2J")
    assert "BROKEN  unreadable at offset 0: " in (await sluicegate(site, "audit", "verify")).output
    exported = await sluicegate(site, "audit", "export")
    assert (exported.code, exported.output) == (0, "")
    assert exported.errors == "no matching entries\nthe audit log is broken: run `sluicegate audit verify`\n"
