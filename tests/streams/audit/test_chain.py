"""The chain: which entry may follow which, and what fits an entry."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.signing.signatures import HEADER
from streams.audit.chain import MOST_PARTITIONS, Head, decode, digest, encode
from streams.audit.records import LARGEST_VALUE, audit_record
from streams.journal import Origin
from tests.streams.audit.chains import NAMES, NOW, chain_of


def test_what_is_in_is_not_recorded_again() -> None:
    """A record whose offset the chain has is known, and an entry for it does not continue the chain."""
    values = chain_of([(NAMES.decisions, 0), (NAMES.decisions, 0)])
    first, last = decode(values[0]), decode(values[1])
    head = Head.at(last, values[1])
    assert head.next_entry(first, "a", NOW) is None
    again = msgspec.structs.replace(first, sequence=3, previous=head.hash, positions=last.positions)
    assert head.follow(again, encode(again)) is None


@pytest.mark.parametrize(
    ("change", "misfit"),
    [
        ({"sequence": 4}, "has sequence 4 after 1"),
        ({"positions": {}}, "has positions that do not follow from those of the entry before"),
        ({"source": Origin(NAMES.decisions, 0, 0)}, "a second time"),
        ({"source": Origin(NAMES.decisions, -1, 5)}, "a second time"),
        ({"source": Origin(NAMES.decisions, MOST_PARTITIONS, 5)}, "which no topic can have"),
    ],
)
def test_a_misfit_is_named(change: dict[str, object], misfit: str) -> None:
    """An entry with the right hash can still be forged; a huge partition must not take all memory."""
    first, second = chain_of([(NAMES.decisions, 0), (NAMES.decisions, 0)])
    head, entry = Head.at(decode(first), first), decode(second)
    assert head.misfit(entry) is None
    assert head.follow(entry, second) == Head.at(entry, second)
    forged = msgspec.structs.replace(entry, **change)
    assert misfit in str(head.misfit(forged))
    assert head.follow(forged, encode(forged)) is None


@pytest.mark.parametrize("value", [None, b"", b"{}", b"[]", b"\xff", b"[" * 100_000])
def test_what_is_no_entry(value: bytes | None) -> None:
    """One kind of error, whatever the bytes."""
    with pytest.raises(msgspec.DecodeError):
        decode(value)


@given(st.none() | st.binary(), st.lists(st.tuples(st.sampled_from([HEADER, "x"]), st.none() | st.binary())))
def test_anything_can_be_recorded(value: bytes | None, headers: list[tuple[str, bytes | None]]) -> None:
    """Any record of a topic becomes an entry that can be read back."""
    entry = Head().next_entry(audit_record("control", Origin("t", 0, 0), NOW, value, headers), "a", NOW)
    assert entry is not None
    assert decode(encode(entry)) == entry
    assert entry.sha256 == (None if value is None else digest(value))


def test_an_entry_is_never_too_large() -> None:
    """A value that escapes badly still fits a message; a larger one is kept as its hash."""
    small, large = (
        audit_record("control", Origin("t", 0, 0), NOW, b"\0" * size) for size in (LARGEST_VALUE, LARGEST_VALUE + 1)
    )
    entry = Head().next_entry(small, "a", NOW)
    assert entry is not None
    assert len(encode(entry)) < 4 * 1_048_576
    assert (large.value, large.sha256) == (None, digest(b"\0" * (LARGEST_VALUE + 1)))


def test_a_topic_that_is_made_again() -> None:
    """Its offsets begin again, in all of its partitions, and other topics stay where they are."""
    first = chain_of(
        [(NAMES.decisions, 0), (NAMES.decisions, 1), (NAMES.decisions, 1), (NAMES.controls, 0)], topic_id="X"
    )
    head = Head.at(decode(first[-1]), first[-1])
    (value,) = chain_of([(NAMES.decisions, 1)], head, topic_id="Y")
    entry = decode(value)
    assert entry.source == Origin(NAMES.decisions, 1, 0, "Y")
    after = head.follow(entry, value)
    assert after is not None
    assert after.positions == {NAMES.decisions: [0, 1], NAMES.controls: [1]}
    assert after.topic_ids == {NAMES.decisions: ["X", "Y"], NAMES.controls: ["X"]}
    assert after.is_known(Origin(NAMES.decisions, 1, 0, "Y"))
    assert not after.is_known(Origin(NAMES.decisions, 0, 0, "Y"))


def test_a_record_of_a_topic_that_was_replaced() -> None:
    """A writer that has fetched it before cannot turn the positions back."""
    first = chain_of([(NAMES.decisions, 0)], topic_id="X")
    head = Head.at(decode(first[0]), first[0])
    (second,) = chain_of([(NAMES.decisions, 0)], head, topic_id="Y")
    head = Head.at(decode(second), second)
    late = audit_record("decision", Origin(NAMES.decisions, 0, 1, "X"), NOW, b"{}")
    assert head.next_entry(late, "a", NOW) is None


def test_an_entry_of_an_older_build_between() -> None:
    """It has no ids, and the positions go on."""
    first = chain_of([(NAMES.decisions, 0)], topic_id="X")
    second = chain_of([(NAMES.decisions, 0)], Head.at(decode(first[0]), first[0]))
    older = msgspec.structs.replace(decode(second[0]), topic_ids={})
    head = Head.at(decode(first[0]), first[0]).follow(older, encode(older))
    assert head is not None
    (third,) = chain_of([(NAMES.decisions, 0)], head, topic_id="X")
    assert (decode(third).source.offset, decode(third).topic_ids) == (2, {NAMES.decisions: ["X"]})


def test_forged_ids_are_a_misfit() -> None:
    """They would make records look new."""
    first, second = chain_of([(NAMES.decisions, 0), (NAMES.decisions, 0)], topic_id="X")
    forged = msgspec.structs.replace(decode(second), topic_ids={NAMES.decisions: ["Z"]})
    assert "has ids of topics" in str(Head.at(decode(first), first).misfit(forged))
