"""Which records the chain has."""

from __future__ import annotations

import msgspec

from streams.audit.chain import Entry, Head
from streams.audit.recorded import Recorded, head_before
from streams.journal import Origin
from tools.topics_page import examples


def entry(offset: int, sha256: str = "a") -> Entry:
    """Return an entry for the record at this offset of a topic."""
    source = Origin("t", 1, offset)
    positions = Head().advanced(source)
    return msgspec.structs.replace(examples.audit_entry(), source=source, sha256=sha256, positions=positions)


def test_it_has_what_was_added() -> None:
    """By place; of two entries for one place the first counts."""
    recorded = Recorded()
    recorded.add(entry(4))
    recorded.add(entry(4, "b"))
    assert recorded.has(Origin("t", 1, 4))
    assert not recorded.has(Origin("t", 0, 4))
    assert not recorded.has(Origin("t", 1, 5))
    assert recorded.matches(Origin("t", 1, 4), "a")
    assert not recorded.matches(Origin("t", 1, 4), "b")
    assert not recorded.matches(Origin("t", 1, 5), None)


def test_earlier_records_are_before_the_first_entry() -> None:
    """The head before an entry has every record but that entry's own."""
    later = msgspec.structs.replace(entry(4), sequence=9, previous="f" * 64)
    head = head_before(later)
    assert (head.sequence, head.hash, head.position("t", 1)) == (8, "f" * 64, 4)
    recorded = Recorded(head)
    assert recorded.is_before(Origin("t", 1, 3))
    assert not recorded.is_before(Origin("t", 1, 4))


def test_nothing_is_before_the_first_entry_of_all() -> None:
    """The writer of entry 1 may have begun after offset 0, where older records had expired."""
    assert head_before(msgspec.structs.replace(entry(4), sequence=1)).position("t", 1) == 0
