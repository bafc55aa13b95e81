"""Statuses and decisions as an operator sees them."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from aiokafka.admin import NewTopic

from connectors.kafka import clients
from connectors.kafka.clients import KafkaSettings
from streams.operator_client.decision_list import MOST_DECISIONS
from streams.operator_client.errors import UnknownRolloutError
from streams.operator_client.status_view import StatusView, has_ended, was_promoted
from tests.connectors.actuators.gate_topics import create, grow, settings_of
from tests.streams.operator_client.records import record
from tools.topics_page import examples


def view_of(*documents: dict[str, Any]) -> StatusView:
    """Return a view that has read these documents."""
    view = StatusView(KafkaSettings())
    for document in documents:
        view.add(record(orjson.dumps(document)))
    return view


def test_the_newest_status_counts() -> None:
    """A record without value removes it, as compaction will."""
    view = view_of(examples.status(), {**examples.status(), "stage": "full"})
    assert view.status(examples.ROLLOUT)["stage"] == "full"
    view.add(record(None, key=examples.ROLLOUT.encode()))
    assert not view.statuses


def test_the_newest_of_several_partitions_counts() -> None:
    """Partitions were added to `gate-status` and `gate-decisions`, and the old ones are read last."""
    now: dict[str, Any] = dict(examples.status())
    later = {**now, "event_time": now["event_time"] + 1, "stage": "full"}
    decision: dict[str, Any] = dict(examples.decision())
    next_one = {**decision, "id": "next", "sequence": decision["sequence"] + 1}
    view = StatusView(KafkaSettings())
    for partition, document in ((3, later), (0, now), (3, next_one), (0, decision)):
        view.add(record(orjson.dumps(document), partition=partition))
    assert view.status(examples.ROLLOUT)["stage"] == "full"
    assert [each["id"] for each in view.decisions(examples.ROLLOUT)] == [decision["id"], "next"]
    held = {**later, "phase": "held"}  # no longer judged: its event time stays
    view.add(record(orjson.dumps(held), partition=4, timestamp=1))
    assert view.status(examples.ROLLOUT)["phase"] == "held"


def test_each_decision_is_there_once() -> None:
    """A decision that is sent again has the same id; only the latest are kept."""
    decisions = [{**examples.decision(), "id": str(number)} for number in range(MOST_DECISIONS + 5)]
    found = view_of(*decisions[:3], *decisions).decisions(examples.ROLLOUT)
    assert found == decisions[5:]


def test_an_unknown_rollout_is_an_error_that_lists_the_known_ones() -> None:
    """So that a misspelled name is seen."""
    with pytest.raises(UnknownRolloutError, match=f"no rollout chekout; known: {examples.ROLLOUT}"):
        view_of(examples.status()).status("chekout")
    with pytest.raises(UnknownRolloutError, match="known: none"):
        view_of().status("chekout")


@pytest.mark.parametrize("value", [b"", b"{", b"[]", b"{}", b'{"schema":"other","rollout":"r"}'])
def test_other_records_are_ignored(value: bytes) -> None:
    """Whatever they hold."""
    view = StatusView(KafkaSettings())
    view.add(record(value))
    assert (view.statuses, view.decisions("r")) == ({}, [])


def test_ignored_records_are_one_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """There may be very many; how many there are, and where the last is."""
    view = StatusView(KafkaSettings())
    for _ in range(1_200):
        view.add(record(b"junk"))
    view._report_foreign()
    view.add(record(b"junk"))
    view._report_foreign()
    view._report_foreign()
    lines = [line.getMessage().partition(": ")[2] for line in caplog.records]
    assert lines == [
        "1,200 records are none of Sluicegate's, ignored; the last is in partition 0, offset 7",
        "1 record is none of Sluicegate's, ignored; the last is in partition 0, offset 7",
    ]


def test_phases_that_end_a_rollout() -> None:
    """Promoted and rolled back."""
    found = {phase: (has_ended({"phase": phase}), was_promoted({"phase": phase})) for phase in ("baking", "promoted")}
    assert found == {"baking": (False, False), "promoted": (True, True)}
    assert (has_ended({"phase": "rolled_back"}), was_promoted({"phase": "rolled_back"})) == (True, False)


def test_freezes_are_kept_by_partition() -> None:
    """The newest answer of each."""
    freezes = examples.freezes()
    view = view_of(freezes, {**freezes, "partition": 1}, {**freezes, "freezes": []})
    assert {partition: len(each["freezes"]) for partition, each in view.freezes.items()} == {0: 0, 1: 1}
    assert not view.statuses


@pytest.mark.kafka
async def test_partitions_that_are_added(kafka_broker: str) -> None:
    """Who watches a rollout for long sees what comes in them."""
    settings = settings_of(kafka_broker)
    names = settings.topics
    await create(settings)
    client = clients.admin(settings)
    await client.start()
    await client.create_topics([NewTopic(names.status, 1, 1)])
    await client.close()
    async with clients.producer(settings) as sink:
        await sink.partitions_for(names.status)  # waits until it is there
    async with StatusView(settings) as view, clients.producer(settings) as sink:
        await grow(settings, names.status, 2)
        while len(await sink.partitions_for(names.status)) < 2:
            await sink.client.force_metadata_update()
        await sink.send_and_wait(names.status, orjson.dumps(examples.status()), partition=1)
        assert await view.wait_for(lambda: examples.ROLLOUT in view.statuses or None, 60.0)
