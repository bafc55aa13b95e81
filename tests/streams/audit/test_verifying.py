"""What verify finds in a log that was tampered with, forked, cut or doubled."""

import json
from collections.abc import Callable

import msgspec
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from streams.audit.chain import GENESIS, Entry, Head, decode, digest, encode
from streams.audit.records import audit_record
from streams.audit.verifying import GRACE_MS, SourceRecord, Verifier
from streams.journal import Origin
from tests.streams.audit.chains import NAMES, NOW, chain_of

TOPICS = (NAMES.decisions, NAMES.controls)

sources = st.lists(st.tuples(st.sampled_from(TOPICS), st.integers(0, 2)), min_size=2, max_size=12)
"""Which topic and partition the next record comes from."""


def verified(values: list[bytes], records: list[SourceRecord] | None = None, **options: object) -> Verifier:
    """What verify finds in a log; without `sources`, the topics have just the records that the log was made of."""
    verifier = Verifier(whole=[NAMES.decisions], **options)  # type: ignore[arg-type]
    for offset, value in enumerate(values):
        verifier.check(offset, value)
    verifier.finish(records or [], NOW + GRACE_MS + 1)
    return verifier


def recorded(values: list[bytes]) -> list[SourceRecord]:
    """The source records that a log is about."""
    return [SourceRecord(one.source, one.at, one.sha256) for one in map(decode, values)]


def kinds(verifier: Verifier) -> list[str]:
    """The kinds of what is broken."""
    return [finding.kind for finding in verifier.findings if finding.broken]


@given(sources)
def test_a_whole_log_is_whole(choices: list[tuple[str, int]]) -> None:
    """Each entry names the hash of the one before, the bytes are canonical, nothing is found, and nothing is missed."""
    values = chain_of(choices)
    entries = [decode(value) for value in values]
    assert [one.previous for one in entries] == [GENESIS, *map(digest, values[:-1])]
    assert all(rfc8785.dumps(json.loads(value)) == value for value in values)
    found = verified(values, recorded(values))
    assert (found.findings, found.entries, found.pending) == ([], len(values), 0)


@given(sources, st.data())
def test_a_tampered_entry_is_found(choices: list[tuple[str, int]], data: st.DataObject) -> None:
    """Any change of an entry that another one follows is found."""
    values = chain_of(choices)
    place = data.draw(st.integers(0, len(values) - 2))
    changes: list[Callable[[Entry], Entry]] = [
        lambda entry: msgspec.structs.replace(entry, actor="mallory"),
        lambda entry: msgspec.structs.replace(entry, reason="nothing"),
        lambda entry: msgspec.structs.replace(entry, value="{}", sha256=digest(b"{}")),
        lambda entry: msgspec.structs.replace(entry, sequence=entry.sequence + 1),
        lambda entry: msgspec.structs.replace(entry, recorded_at=entry.recorded_at + 1),
        lambda entry: msgspec.structs.replace(entry, positions={}),
        lambda entry: msgspec.structs.replace(entry, previous="1" * 64),
    ]
    values[place] = encode(data.draw(st.sampled_from(changes))(decode(values[place])))
    assert kinds(verified(values))


@given(sources, st.data())
def test_a_dropped_entry_is_found(choices: list[tuple[str, int]], data: st.DataObject) -> None:
    """In the chain, or, of the last ones, because the sources still have what they were about."""
    values = chain_of(choices)
    records = recorded(values)
    place = data.draw(st.integers(0, len(values) - 1))
    del values[place]
    found = kinds(verified(values, records))
    assert "gap" in found or (place == len(values) and found == ["unrecorded"])


@given(sources, st.data())
def test_swapped_entries_are_found(choices: list[tuple[str, int]], data: st.DataObject) -> None:
    """Their order is part of the chain."""
    values = chain_of(choices)
    place = data.draw(st.integers(0, len(values) - 2))
    values[place], values[place + 1] = values[place + 1], values[place]
    found = verified(values)
    assert found.findings
    assert kinds(found) or place == len(values) - 2


@given(sources, st.data())
def test_a_repeated_entry_is_no_harm(choices: list[tuple[str, int]], data: st.DataObject) -> None:
    """A producer that sent an entry again: it is noted, and the chain continues."""
    values = chain_of(choices)
    place = data.draw(st.integers(0, len(values) - 1))
    values.insert(data.draw(st.integers(place + 1, len(values))), values[place])
    found = verified(values, recorded(values))
    assert [(one.kind, one.broken) for one in found.findings] == [("repeat", False)]
    assert found.entries == len(values) - 1


@given(sources, st.data())
def test_a_fork_is_reported(choices: list[tuple[str, int]], data: st.DataObject) -> None:
    """A second writer's entries behind an older head are void; no harm if the chain has what they record."""
    values = chain_of(choices)
    place = data.draw(st.integers(0, len(values) - 1))
    head = Head() if place == 0 else Head.at(decode(values[place - 1]), values[place - 1])
    fork = chain_of(choices[place:], head, writer="b")
    found = verified(values + fork, recorded(values))
    assert [(one.kind, one.broken) for one in found.findings] == [("fork", False)] * len(fork)
    strange = chain_of([(NAMES.acks, 0)], head, writer="b")
    assert kinds(verified(values + strange)) == ["fork"]


@given(sources, sources)
def test_two_writers_make_one_chain(first: list[tuple[str, int]], second: list[tuple[str, int]]) -> None:
    """The writers' rule and verify come to the same head."""
    values = chain_of(first) + chain_of(second, writer="b")
    head = Head()
    for value in values:
        head = head.follow(decode(value), value) or head
    assert head == verified(values).head


def test_an_entry_for_a_recorded_place_is_a_misfit() -> None:
    """Also with the right hash, sequence and positions."""
    values = chain_of([(NAMES.decisions, 0), (NAMES.decisions, 0)])
    first, last = decode(values[0]), decode(values[1])
    again = msgspec.structs.replace(first, sequence=3, previous=digest(values[1]), positions=last.positions)
    assert kinds(verified([*values, encode(again)])) == ["misfit"]


def test_skipped_decisions_are_a_gap() -> None:
    """Of a topic that has every offset, one that was passed over; of others it may have been compacted."""
    for topic, found in ((NAMES.decisions, ["gap"]), (NAMES.policies, [])):
        values, head = [], Head()
        for offset in (0, 2):
            source = Origin(topic, 0, offset)
            entry = head.next_entry(audit_record("decision", source, NOW, b"{}"), "a", NOW)
            assert entry is not None
            values.append(encode(entry))
            head = Head.at(entry, values[-1])
        assert kinds(verified(values)) == found


def test_sources_that_differ() -> None:
    """A record that changed, one that was passed over, one that is too young to be missed."""
    values = chain_of([(NAMES.decisions, 0), (NAMES.decisions, 0)])
    place = decode(values[1]).source
    assert kinds(verified(values, [SourceRecord(place, NOW, digest(b"{}"))])) == ["differs"]
    late = SourceRecord(Origin(NAMES.decisions, 0, 2), NOW, None)
    assert kinds(verified(values, [late])) == ["unrecorded"]
    young = verified(values, [late._replace(at=NOW + GRACE_MS)])
    assert (young.findings, young.pending) == ([], 1)


def test_from_an_entry() -> None:
    """What is before it does not count; its hash must be the one that was noted."""
    values = chain_of([(NAMES.decisions, 0)] * 4)
    records = recorded(values)
    values[0] = encode(msgspec.structs.replace(decode(values[0]), actor="mallory"))
    assert kinds(verified(values, records))
    assert verified(values, records, first=3, anchor=digest(values[2])).findings == []
    assert kinds(verified(values, records, first=3, anchor=GENESIS)) == ["anchor"]
    assert "anchor" in kinds(verified(values, records, first=5))
    assert kinds(verified(values[2:])) == ["gap"]


def test_a_topic_that_was_made_again() -> None:
    """Its records are at the places of others; each is compared with the entry of its own topic."""
    first = chain_of([(NAMES.controls, 0)] * 3 + [(NAMES.decisions, 0)] * 3, topic_id="X")
    head = Head.at(decode(first[-1]), first[-1])
    second = chain_of([(NAMES.controls, 0), (NAMES.decisions, 0)], head, topic_id="Y")
    found = verified(first + second, recorded(second))
    assert (found.findings, found.entries, found.pending) == ([], 8, 0)
    left_out = SourceRecord(Origin(NAMES.controls, 0, 1, "Y"), NOW, digest(b"{}"))
    assert kinds(verified(first + second, [left_out])) == ["unrecorded"]
