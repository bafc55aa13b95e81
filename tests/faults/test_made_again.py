"""Topics that are deleted and made again under workers that run: their offsets begin again, and nothing is a repeat."""

import asyncio

import pytest
from aiokafka.admin import NewPartitions

from streams.journal import Control, ControlName, encode
from streams.operator_client.status_view import StatusView
from tests.faults.test_errors import shows
from tests.faults.test_sources import REFUSED, break_canary, rolled_back
from tests.faults.times import PATIENCE, note, now_ms
from tests.faults.topics import admin, delete_topic, make_topics
from tests.faults.trial import ROLLOUTS, Trial, policy

pytestmark = [pytest.mark.faults]


async def remake(trial: Trial, topic: str, **partitions: int) -> int:
    """Delete a topic, and make it again; the time since when it is there."""
    await delete_topic(trial.site, topic)
    await make_topics(trial.site, **partitions)
    return now_ms()


async def test_the_source_is_made_again_and_the_canary_is_bad(kafka_broker: str) -> None:
    """It is rolled back at once, whatever its offsets; and each event of the new topic counts once."""
    async with Trial(kafka_broker, 65, bake="60s") as trial:
        ingest, _ = await trial.begin(("ingest",), ("judge", "sequencer"))
        await trial.judged_past(now_ms() + 8_000)
        since = await remake(trial, trial.site.topics.events)
        trial.mangle = break_canary
        async with asyncio.timeout(PATIENCE):
            while not all(await rolled_back(trial)):
                await asyncio.sleep(0.2)
        note("the source made again, with a bad canary: rolled back", (now_ms() - since) / 1000)
        assert "was made again" in ingest.worker.log()
        decisions = await trial.decided()
        assert {each["action"] for known in decisions.values() for each in known} <= REFUSED
        until = now_ms()
        await asyncio.sleep(3)
        true = (await trial.recount()).requests
        seen = {key: number for key, number in true.items() if since + 2_000 < key[2] < until - 1_000}
        assert {name for name, _, _ in seen} == set(ROLLOUTS)
        counted = await trial.site.counted()
        assert {key: counted[key] for key in seen} == seen


async def test_partitions_are_added_to_the_journal_while_nothing_runs(kafka_broker: str) -> None:
    """They stay empty: rollouts go on where they are, and a bad canary is rolled back in the same epoch."""
    async with Trial(kafka_broker, 67) as trial:
        (worker,) = await trial.begin(())
        await trial.judged_past(now_ms() + 3_000)
        assert await worker.leave() == 0
        added = {trial.site.topics.journal: NewPartitions(total_count=5)}
        await admin(trial.site, lambda client: client.create_partitions(added))
        trial.mangle = break_canary
        since = now_ms()
        again = trial.post()
        async with asyncio.timeout(PATIENCE):
            while not all(await rolled_back(trial)):
                await asyncio.sleep(0.2)
        note("partitions added to the journal, with a bad canary: rolled back", (now_ms() - since) / 1000)
        assert "the first 2 of both are used" in again.worker.log()
        decisions = await trial.decided()
        assert {each["epoch"] for known in decisions.values() for each in known} == {1}
        assert {each["action"] for known in decisions.values() for each in known} <= REFUSED
        assert trial.carrier is not None
        await trial.carrier.follows({name: known[-1] for name, known in decisions.items()})


async def test_partitions_are_added_to_what_is_published(kafka_broker: str) -> None:
    """The newest decision and status of a rollout are then in other partitions than those before.

    The actuator, which runs on, carries the rollback out, and an operator who looks sees it.
    """
    async with Trial(kafka_broker, 68) as trial:
        (worker,) = await trial.begin(())
        await trial.judged_past(now_ms() + 3_000)
        assert await worker.leave() == 0
        names = trial.site.topics
        added = {name: NewPartitions(total_count=13) for name in (names.decisions, names.commands, names.status)}
        await admin(trial.site, lambda client: client.create_partitions(added))
        trial.mangle = break_canary
        await trial.post().ready()
        since = now_ms()
        async with StatusView(trial.site.settings) as view, asyncio.timeout(PATIENCE):
            while {view.status(name)["phase"] for name in ROLLOUTS} != {"rolled_back"}:
                await view.poll()
            assert trial.carrier is not None
            await trial.carrier.follows({name: dict(view.decisions(name)[-1]) for name in ROLLOUTS})
        note("partitions added to decisions, commands and statuses: carried out", (now_ms() - since) / 1000)
        async with StatusView(trial.site.settings) as view:
            assert {view.status(name)["phase"] for name in ROLLOUTS} == {"rolled_back"}
            decisions = [view.decisions(name) for name in ROLLOUTS]
        found = [[each["sequence"] for each in known] for known in decisions]
        assert found == [[*range(1, len(known) + 1)] for known in decisions]


async def order(trial: Trial, control: ControlName) -> None:
    """Order this for the first rollout."""
    message = Control(rollout=ROLLOUTS[0], control=control, by="ada", at=now_ms())
    await trial.site.producer.send_and_wait(trial.site.topics.controls, encode(message), key=ROLLOUTS[0].encode())


async def test_orders_and_acks_after_their_topics_are_made_again(kafka_broker: str) -> None:
    """A rollback by hand is carried out and confirmed, and a rollout starts, below the offsets of the topics before."""
    async with Trial(kafka_broker, 66) as trial:
        await trial.begin(("ingest",), ("judge", "sequencer"))
        names = trial.site.topics
        for control in ("pause", "resume") * 5:
            await order(trial, control)
        await trial.judged_past(now_ms() + 3_000)
        for topic in (names.controls, names.acks, names.policies):
            await remake(trial, topic)
        await orders_have_their_effect(trial, "orders after their topic was made again: confirmed")


async def test_acks_and_orders_made_again_with_fewer_partitions(kafka_broker: str) -> None:
    """What was read of the partitions that are gone cannot be committed, and holds up nothing."""
    async with Trial(kafka_broker, 69) as trial:
        (post,) = await trial.begin((), SLUICEGATE_WATCHDOG_MS="20000")
        names, sending = trial.site.topics, trial.site.producer.send_and_wait
        await remake_orders_and_acks(trial, 4)
        await asyncio.sleep(8)  # until the workers read the new ones
        for topic in (names.acks, names.controls):
            await asyncio.gather(*[sending(topic, b"{", partition=number) for number in range(4)])
        await remake_orders_and_acks(trial, 1)
        await orders_have_their_effect(trial, "orders after their topics were made again with fewer partitions")
        await asyncio.sleep(25)
        await shows(post, "/healthz", '"ok":true')
        assert trial.exits == []


async def remake_orders_and_acks(trial: Trial, partitions: int) -> None:
    """Make both topics again with this many partitions, and let the trial's producer know."""
    names = {"acks": trial.site.topics.acks, "controls": trial.site.topics.controls}
    for short, topic in names.items():
        await remake(trial, topic, **{short: partitions})
    for topic in names.values():
        while len(await trial.site.producer.partitions_for(topic)) != partitions:
            await trial.site.producer.client.force_metadata_update()


async def orders_have_their_effect(trial: Trial, fault: str) -> None:
    """Order a rollback and a start, wait until both are carried out, and note how long that took."""
    since = now_ms()
    await order(trial, "rollback")
    await trial.site.start(policy("third-v2"))
    async with asyncio.timeout(PATIENCE):
        while not await done(trial):
            await asyncio.sleep(1)
    note(fault, (now_ms() - since) / 1000)


async def done(trial: Trial) -> bool:
    """Whether the first rollout's rollback is confirmed, and the third has started."""
    latest = {status["rollout"]: status for status in await trial.statuses()}
    first = latest[ROLLOUTS[0]]
    return first["phase"] == "rolled_back" and first["confirmed"] and "third-v2" in latest
