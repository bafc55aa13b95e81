"""Dead letters: reading them back, choosing them, and the rules by which each is sent once."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.dead_letters import LARGEST_KEPT, DeadLetter
from connectors.kafka.topics import TopicNames
from streams import journal
from streams.dead_letters.letters import Address, Letter, Origin, Place, Selection, read_letter
from streams.dead_letters.redriving import SCHEMA, Fate, Memory, Redrive, checks, judge, read_redrive
from streams.views.dead_letters import letter_lines, safe_lines

NAMES = TopicNames()
GOOD = b'{"ts":1767225600123,"rollout":"search","cohort":"canary","status":200,"latency_ms":1}'


def letter(value: bytes = GOOD, reason: str = "bad_json", topic: str = NAMES.events, at: int = 1_000) -> Letter:
    """A dead letter as its topic has it."""
    said = DeadLetter(topic, 3, 8194, 2, reason, "the detail", b"k", value)
    found = read_letter(Place(1, 7), at, said.body(), said.headers())
    assert found is not None
    return found


def note(state: str = "claimed", run: str = "a", after: str = "") -> Redrive:
    """What a run says about it."""
    return Redrive(run=run, state=state, origin=tuple(letter().origin), to="t", by="ann", at=1, after=after)  # type: ignore[arg-type]


@given(st.binary(max_size=50), st.none() | st.binary(), st.text(), st.integers(0, 99))
def test_a_letter_is_read_back(value: bytes, key: bytes | None, detail: str, index: int) -> None:
    """All that was put there comes back."""
    said = DeadLetter("t", 1, 2, index, "r", detail.encode(errors="replace").decode(), key, value)
    found = read_letter(Place(0, 0), 5, said.body(), said.headers())
    assert found is not None
    assert (found.said, found.whole, found.origin) == (said, True, Origin("t", 1, 2, index))


def test_a_letter_that_was_cut_says_so() -> None:
    """Its size is that of the whole."""
    found = letter(b"x" * (LARGEST_KEPT + 9))
    assert (found.whole, found.whole_size, len(found.said.value)) == (False, LARGEST_KEPT + 9, LARGEST_KEPT)


@pytest.mark.parametrize("headers", [[], [("topic", b"t")], [("partition", b"x")], [("topic", None)]])
def test_other_records_are_no_letters(headers: list[tuple[str, bytes | None]]) -> None:
    """Whatever else stands on the topic."""
    assert read_letter(Place(0, 0), 0, b"", headers) is None


@pytest.mark.parametrize(
    ("selection", "chosen"),
    [
        (Selection(), True),
        (Selection(reasons=frozenset({"bad_json", "x"})), True),
        (Selection(reasons=frozenset({"x"})), False),
        (Selection(topics=frozenset({"request-events"})), True),
        (Selection(topics=frozenset({"x"})), False),
        (Selection(since=1_000, until=1_001), True),
        (Selection(since=1_001), False),
        (Selection(until=1_000), False),
        (Selection(rollout="search"), True),
        (Selection(rollout="x"), False),
        (Selection(addresses=(Address.parse("0:0"), Address.parse("1:7"))), True),
        (Selection(addresses=(Address.parse("1:8"),)), False),
        (Selection(addresses=(Address.parse("request-events/3/8194"),)), True),
        (Selection(addresses=(Address.parse("request-events/3/8194/2"),)), True),
        (Selection(addresses=(Address.parse("request-events/3/8194/0"),)), False),
    ],
)
def test_choosing(selection: Selection, chosen: bool) -> None:
    """All that a selection says must be true of a letter."""
    assert (letter() in selection) is chosen


@pytest.mark.parametrize("text", ["", "1", "1:", ":1", "a:b", "t/1", "t/1/x", "/1/2", "t/1/2/3/4", "-1:2"])
def test_what_is_no_address(text: str) -> None:
    """It is refused, in words."""
    with pytest.raises(ValueError, match="is no address"):
        Address.parse(text)


def test_what_is_sent() -> None:
    """A letter that would be read now is sent; else it says why, and `force` sends it, unless it was cut."""
    check = checks(NAMES)[NAMES.events]
    assert judge(letter(), Memory(), check) == (Fate.SENT, "")
    assert judge(letter(b"{"), Memory(), check)[0] is Fate.MALFORMED
    assert judge(letter(b"{"), Memory(), check, force=True)[0] is Fate.SENT
    assert judge(letter(b"{"), Memory(), None)[0] is Fate.SENT
    cut = letter(b"x" * (LARGEST_KEPT + 1))
    assert judge(cut, Memory(), None, force=True, again=True)[0] is Fate.CUT
    assert judge(letter(reason="unsigned"), Memory(), None)[0] is Fate.MALFORMED


@pytest.mark.parametrize("topic", [NAMES.events, NAMES.policies, NAMES.controls, NAMES.acks, NAMES.journal])
def test_every_reader_is_asked(topic: str) -> None:
    """Whoever reads the topic says that nonsense is nonsense; and a good control is good."""
    assert checks(NAMES)[topic](b"{") is not None
    control = journal.Control(rollout="r", control="pause", by="ann", at=1)
    assert checks(NAMES)[NAMES.controls](journal.encode(control)) is None


def test_a_claim_is_remembered() -> None:
    """Claimed and not told of: unsure. Sent: already. `again` overrides both; an older run's word changes nothing."""
    memory = Memory()
    memory.take(note())
    assert judge(letter(), memory, None)[0] is Fate.UNSURE
    memory.take(note(run="b"))  # was slower
    memory.take(note("sent", run="b"))
    assert judge(letter(), memory, None)[0] is Fate.UNSURE
    memory.take(note("sent"))
    assert judge(letter(), memory, None) == (Fate.ALREADY, "to t by ann")
    assert judge(letter(), memory, None, again=True)[0] is Fate.SENT
    memory.take(note(run="c", after="a"))
    memory.take(note("sent", run="a"))
    assert judge(letter(), memory, None)[0] is Fate.UNSURE


@given(st.permutations(["a", "b", "c"]), st.booleans())
def test_one_claim_counts(runs: list[str], again: bool) -> None:
    """Of claims behind the same one the first in the log counts, whoever made it."""
    memory = Memory()
    if again:
        memory.take(note(run="old"))
    for run in runs:
        memory.take(note(run=run, after="old" if again else ""))
    counted = memory.of(letter().origin)
    assert counted is not None
    assert counted.run == runs[0]


def test_a_letter_cannot_pass_for_a_note() -> None:
    """A note is one by its header, which ingest never writes, not by its value."""
    value = msgspec.json.encode(note("sent"))
    assert read_redrive(value, letter(value).said.headers()) is None
    assert read_redrive(value, [("schema", SCHEMA.encode())]) == note("sent")
    assert read_redrive(b"{", [("schema", SCHEMA.encode())]) is None


@given(st.binary(), st.none() | st.binary(), st.text())
def test_nothing_steers_the_terminal(value: bytes, key: bytes | None, detail: str) -> None:
    """Whatever a letter holds, only printable lines come out."""
    said = DeadLetter("t\x1b[2J", 1, 2, 3, "r\n", detail, key, value)
    lines = [*letter_lines(Letter(Place(0, 0), 0, said, len(value)), None), *safe_lines(value)]
    assert all(line.isprintable() for line in lines)
