"""The rules by which each dead letter is sent once."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.dead_letters import LARGEST_KEPT, DeadLetter
from streams import journal
from streams.dead_letters.letters import Letter, LetterOrigin, Place
from streams.dead_letters.redrive_rules import SCHEMA, Fate, Redrive, RedriveHistory, checks, decide, read_redrive
from streams.views.dead_letters import letter_lines, safe_lines
from tests.streams.dead_letters.letters import NAMES, letter


def note(state: str = "claimed", run: str = "a", after: str = "") -> Redrive:
    """What a run records about it."""
    return Redrive(run=run, state=state, origin=letter().origin.place, to="t", by="ann", at=1, after=after)  # type: ignore[arg-type]


def test_what_is_sent() -> None:
    """A letter that would be read now is sent; else the reason is given, and `force` sends it, unless it was cut."""
    check = checks(NAMES)[NAMES.events]
    assert decide(letter(), RedriveHistory(), check) == (Fate.SENT, "")
    assert decide(letter(b"{"), RedriveHistory(), check)[0] is Fate.MALFORMED
    assert decide(letter(b"{"), RedriveHistory(), check, force=True)[0] is Fate.SENT
    assert decide(letter(b"{"), RedriveHistory(), None)[0] is Fate.SENT
    cut = letter(b"x" * (LARGEST_KEPT + 1))
    assert decide(cut, RedriveHistory(), None, force=True, again=True)[0] is Fate.CUT
    assert decide(letter(reason="unsigned"), RedriveHistory(), None)[0] is Fate.MALFORMED


@pytest.mark.parametrize("topic", [NAMES.events, NAMES.policies, NAMES.controls, NAMES.acks, NAMES.journal])
def test_every_reader_is_asked(topic: str) -> None:
    """Each topic's own reader refuses a broken message, and accepts a good control."""
    assert checks(NAMES)[topic](b"{") is not None
    control = journal.Control(rollout="r", control="pause", by="ann", at=1)
    assert checks(NAMES)[NAMES.controls](journal.encode(control)) is None


def test_a_claim_lasts() -> None:
    """Claimed without a second record: unsure. Sent: already. `again` overrides both; older runs do not count."""
    memory = RedriveHistory()
    memory.add(note())
    assert decide(letter(), memory, None)[0] is Fate.UNSURE
    memory.add(note(run="b"))  # was slower
    memory.add(note("sent", run="b"))
    assert decide(letter(), memory, None)[0] is Fate.UNSURE
    memory.add(note("sent"))
    assert decide(letter(), memory, None) == (Fate.ALREADY, "to t by ann")
    assert decide(letter(), memory, None, again=True)[0] is Fate.SENT
    memory.add(note(run="c", after="a"))
    memory.add(note("sent", run="a"))
    assert decide(letter(), memory, None)[0] is Fate.UNSURE


@given(st.permutations([note(), note("sent"), note(run="b", after="a"), note("sent", run="b", after="a")]))
def test_records_of_several_partitions(records: list[Redrive]) -> None:
    """Partitions were added to `dead-letters`: they are read in any order, and the last run's state counts."""
    memory = RedriveHistory()
    for record in records:
        memory.add(record)
    latest = memory.latest(letter().origin)
    assert latest is not None
    assert (latest.run, latest.state) == ("b", "sent")


@given(st.permutations(["a", "b", "c"]), st.booleans())
def test_one_claim_counts(runs: list[str], again: bool) -> None:
    """Of claims behind the same one the first in the log counts, of whichever run."""
    memory = RedriveHistory()
    if again:
        memory.add(note(run="old"))
    for run in runs:
        memory.add(note(run=run, after="old" if again else ""))
    counted = memory.latest(letter().origin)
    assert counted is not None
    assert counted.run == runs[0]


def test_a_letter_cannot_pass_for_a_note() -> None:
    """A note is one by its header, which ingest never writes, not by its value."""
    value = msgspec.json.encode(note("sent"))
    assert read_redrive(value, letter(value).content.headers()) is None
    assert read_redrive(value, [("schema", SCHEMA.encode())]) == note("sent")
    assert read_redrive(b"{", [("schema", SCHEMA.encode())]) is None


@given(st.binary(), st.none() | st.binary(), st.text())
def test_nothing_steers_the_terminal(value: bytes, key: bytes | None, detail: str) -> None:
    """A letter with any content is shown as printable lines."""
    content = DeadLetter("t\x1b[2J", 1, 2, 3, "r\n", detail, key, value)
    lines = [*letter_lines(Letter(Place(0, 0), 0, content, len(value)), None), *safe_lines(value)]
    assert all(line.isprintable() for line in lines)


def test_a_topic_that_was_made_again() -> None:
    """Its letters at the same places are others; a claim of an older build, which has no id, counts for both."""
    history, origin = RedriveHistory(), LetterOrigin("request-events", 0, 7, 0)
    first = Redrive(run="a", state="claimed", origin=origin.place, to="request-events", by="ann", at=1, topic_id="X")
    history.add(first)
    history.add(msgspec.structs.replace(first, state="sent"))
    assert history.is_sent(origin._replace(topic_id="X"))
    assert not history.is_sent(origin._replace(topic_id="Y"))
    older = RedriveHistory()
    older.add(msgspec.structs.replace(first, topic_id=""))
    assert older.latest(origin._replace(topic_id="Y")) is not None
    older.add(msgspec.structs.replace(first, run="b", after="a", topic_id="Y"))
    assert getattr(older.latest(origin._replace(topic_id="Y")), "run", "") == "b"
