"""docs/topics.md matches the code."""

from pathlib import Path

import msgspec
import pytest

from connectors.dead_letters import LARGEST_DETAIL, LARGEST_KEPT
from connectors.kafka.topics import TopicNames
from streams.journal import Ack, Control, Start, decode, encode
from streams.sequencer.messages import read_message
from streams.topics.specs import TOPICS, specs
from tools.topics_page import examples, fields
from tools.topics_page.page import page

DOCUMENT = Path(__file__).parents[3] / "docs" / "topics.md"


def test_the_page_is_up_to_date() -> None:
    """The file is what the code generates; else run `python -m tools.topics_page docs/topics.md`."""
    assert DOCUMENT.read_text(encoding="utf-8") == page()


def test_every_topic_is_in_the_table() -> None:
    """The table has each name once, in the order of the names."""
    names = [name for name, value in vars(TopicNames).items() if isinstance(value, property)]
    assert sorted(spec.short_name for spec in TOPICS) == sorted(names)


def test_fields_are_all_explained() -> None:
    """Each field of decision, command and status is described, and no description is left of a removed field."""
    optional = {"by", "contact", "combined", "approved_by"}
    assert set(fields.DECISION_FIELDS) - optional <= set(examples.decision()) <= set(fields.DECISION_FIELDS)
    assert set(examples.command()) - set(examples.decision()) <= set(fields.COMMAND_FIELDS) <= set(examples.command())
    assert set(fields.STATUS_FIELDS) == set(examples.status())


@pytest.mark.parametrize("kind", [Start, Control, Ack])
def test_examples_of_orders_are_accepted(kind: type[Start] | type[Control] | type[Ack]) -> None:
    """The sequencer takes the examples, so that one can copy them."""
    value = encode(examples.record(kind))
    assert read_message(kind, value) == decode(value)


def test_the_dead_letter_has_the_headers_explained() -> None:
    """Each header of a dead letter is described, or is one of the three that `topic` stands for."""
    names = {name for name, _ in examples.dead_letter().headers()}
    assert names - {"partition", "offset"} <= set(fields.HEADER_FIELDS)


def test_the_page_says_what_is_cut_of_a_dead_letter() -> None:
    """How much of its value, its key and its detail is kept."""
    section = page().split("## dead-letters")[1].split("###")[0]
    assert section.count(f"{LARGEST_KEPT // 1024} KiB") == 2
    assert f"{LARGEST_DETAIL:,} characters" in section


def test_partitions_can_be_chosen() -> None:
    """Other numbers of partitions can be given; snapshots follow the journal."""
    chosen = {spec.short_name: spec.partitions for spec in specs({"events": 48, "journal": 8})}
    assert (chosen["events"], chosen["journal"], chosen["snapshots"]) == (48, 8, 8)
    assert specs() == TOPICS


@pytest.mark.parametrize("wrong", [{"event": 3}, {"events": 0}, {"snapshots": 8}, {"journal": 2, "snapshots": 3}])
def test_impossible_partitions_are_refused(wrong: dict[str, int]) -> None:
    """Unknown topics, fewer than one partition, and snapshots apart from the journal are refused."""
    with pytest.raises(ValueError, match=r"no topic|at least 1|as many partitions"):
        specs(wrong)


def test_examples_are_json() -> None:
    """What stands in the page between fences is JSON."""
    for block in page().split("```json\n")[1:]:
        msgspec.json.decode(block.split("```")[0])
