"""Dead letters at the command line, over a real broker."""

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator

import pytest

from connectors.dead_letters import LARGEST_KEPT, DeadLetter
from connectors.kafka.clients import producer
from streams.dead_letters.letters import Place, read_letter
from streams.dead_letters.redrive_rules import Fate, Redrive
from streams.dead_letters.redriver import Redriver
from tests.pipeline.harness import Site
from tests.pipeline.test_operators import sluicegate

GOOD = b'{"ts":1767225600123,"rollout":"search","cohort":"canary","status":200,"latency_ms":1}'


@pytest.fixture
async def site(broker: str) -> AsyncIterator[Site]:
    """An installation of the test's own."""
    async with Site(broker, f"t{uuid.uuid4().hex[:8]}.") as site:
        yield site


async def write_letter(site: Site, offset: int, value: bytes, reason: str = "bad_json", partition: int = 0) -> None:
    """Put a dead letter where ingest would."""
    letter = DeadLetter(site.topics.events, 3, offset, 0, reason, f"detail {offset}", b"k", value)
    await site.producer.send_and_wait(
        site.topics.dead_letters, letter.body(), key=letter.key, headers=letter.headers(), partition=partition
    )


async def sent(site: Site) -> list[bytes]:
    """The values on the event topic."""
    return [record.value for record in await site.read(site.topics.events)]


async def test_each_is_sent_once(site: Site) -> None:
    """Good letters are sent once; malformed and truncated ones are reported and stay; a second run skips all."""
    await write_letter(site, 1, GOOD, "missing_field", partition=0)
    await write_letter(site, 1, GOOD, "missing_field", partition=1)  # ingest was killed, and wrote it again
    await write_letter(site, 2, b"{\x1b[2J")
    await write_letter(site, 3, b"x" * (LARGEST_KEPT + 1), "oversized")
    dry = await sluicegate(site, "dlq", "redrive", "--all", "--dry-run")
    assert (dry.code, await sent(site)) == (1, [])
    assert dry.errors == "dry run: 1 sent; 1 skipped, truncated; 1 skipped, still malformed\n"
    done = await sluicegate(site, "dlq", "redrive", "--all", "--json")
    fates = {json.loads(line)["origin"].split("/")[2]: json.loads(line) for line in done.output.splitlines()}
    assert (done.code, {offset: one["fate"] for offset, one in fates.items()}) == (
        1,
        {"1": "sent", "2": "malformed", "3": "cut"},
    )
    assert fates["2"]["why"].startswith("bad_json: ")
    assert fates["3"]["why"] == "only 65536 of 65537 bytes were kept; it cannot be sent"
    assert await sent(site) == [GOOD]
    limited = await sluicegate(site, "dlq", "redrive", "--all", "--limit", "1")
    assert (limited.code, limited.errors) == (1, "1 skipped, still malformed\n")
    again = await sluicegate(site, "dlq", "redrive", "--reason", "missing_field")
    assert (again.code, await sent(site)) == (0, [GOOD])
    assert "skipped, already redriven: to " in again.output
    forced = await sluicegate(site, "dlq", "redrive", f"{site.topics.events}/3/2", "--force", "--to", site.topics.acks)
    assert (forced.code, forced.errors) == (0, "1 sent\n")
    record = (await site.read(site.topics.acks))[0]
    assert (record.value, record.key) == (b"{\x1b[2J", b"k")
    assert dict(record.headers)["redriven_from"].startswith(site.topics.dead_letters.encode())
    twice = await sluicegate(site, "dlq", "redrive", "0:0", "--again")
    assert (twice.code, await sent(site)) == (0, [GOOD, GOOD])


async def test_list_and_show(site: Site) -> None:
    """Counts by reason, the newest, filters; all of one letter, without a control character."""
    assert (await sluicegate(site, "dlq", "list")).errors == "no matching dead letters\n"
    await write_letter(site, 1, GOOD, "missing_field")
    await write_letter(site, 2, b"{\x1b[2J\n\xff")
    await write_letter(site, 4, b"{", "bad_json", partition=1)
    listed = (await sluicegate(site, "dlq", "list", "--json", "--limit", "2")).json()
    assert (listed["total"], [one["letters"] for one in listed["reasons"]]) == (3, [2, 1])
    assert [one["offset"] for one in listed["newest"]] == [4, 2]
    narrow = (await sluicegate(site, "dlq", "list", "--rollout", "search", columns=80)).output
    assert re.search(r"^\d{4}-\d\d-\d\dT[\d:.]+Z +0:0 +", narrow, re.MULTILINE)
    assert "missing_field" in (await sluicegate(site, "dlq", "list", "--rollout", "search")).output
    for flags, found in (
        (("--rollout", "search"), 1),
        (("--topic", "request-events", "--since", "1h"), 3),
        (("--until", "1h"), 0),
        (("--reason", "bad_json", "--reason", "x"), 2),
    ):
        assert (await sluicegate(site, "dlq", "list", "--json", *flags)).json()["total"] == found
    shown = await sluicegate(site, "dlq", "show", f"{site.topics.events}/3/2/0")
    assert shown.output.endswith("\n\n{\ufffd[2J\n\\xff\n")
    assert "\nreason       bad_json\n" in shown.output
    assert (await sluicegate(site, "dlq", "show", "0:0", "--json")).json()["value"] == GOOD.decode()
    assert (await sluicegate(site, "dlq", "show", "0:0", "--raw")).output == GOOD.decode()
    absent = await sluicegate(site, "dlq", "show", "0:7")
    assert (absent.code, absent.errors.count("\n")) == (1, 1)
    assert (await sluicegate(site, "dlq", "show", "nowhere")).code == 2
    assert (await sluicegate(site, "dlq", "redrive")).code == 2


async def test_two_runs_at_once(site: Site) -> None:
    """Of two runs that read the same letters, each letter is sent by one."""
    for offset in range(40):
        await write_letter(site, offset, GOOD, partition=offset % 4)
    offices, both_have_read = [Redriver(site.settings), Redriver(site.settings)], asyncio.Barrier(2)

    async def run(office: Redriver) -> list[Fate]:
        letters = [letter async for letter in office.letters()]
        await both_have_read.wait()
        return [one.fate async for one in office.redrive(letters, by="tester")]

    async with offices[0], offices[1]:
        first, second = await asyncio.gather(*map(run, offices))
    assert len(await sent(site)) == 40
    assert sorted(map(set, zip(first, second, strict=True)), key=len)[0] <= {Fate.SENT, Fate.ALREADY}
    assert (first + second).count(Fate.SENT) == 40


async def test_a_run_that_was_killed(site: Site) -> None:
    """A letter that was claimed but has no result is named, and sent only when a person orders it."""
    await write_letter(site, 1, GOOD)
    record = (await site.read(site.topics.dead_letters))[0]
    letter = read_letter(Place(0, record.offset), record.timestamp, record.value, record.headers)
    assert letter is not None
    async with Redriver(site.settings) as office, producer(site.settings) as sender:
        place, topic_id, to = letter.origin.place, letter.origin.topic_id, site.topics.events
        claim = Redrive(run="dead", state="claimed", origin=place, to=to, by="ann", at=1, topic_id=topic_id)
        await office.record(sender, [claim])
    unsure = await sluicegate(site, "dlq", "redrive", "--all")
    assert (unsure.code, await sent(site)) == (1, [])
    assert "may have been sent: claimed by a run of ann that did not finish" in unsure.output
    assert [one["redriven"]["state"] for one in (await sluicegate(site, "dlq", "list", "--json")).json()["newest"]] == [
        "claimed"
    ]
    assert (await sluicegate(site, "dlq", "redrive", "--all", "--again")).code == 0
    assert (await sluicegate(site, "dlq", "redrive", "--all")).code == 0
    assert await sent(site) == [GOOD]
