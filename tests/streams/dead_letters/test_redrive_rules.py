"""Dead letters: reading them back, choosing them, and the rules by which each is sent once."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.dead_letters import LARGEST_KEPT, DeadLetter
from connectors.kafka.topics import TopicNames
from streams import journal
from streams.dead_letters.letters import Address, Letter, LetterOrigin, Place, Selection, read_letter
from streams.dead_letters.redrive_rules import SCHEMA, Fate, Redrive, RedriveHistory, checks, decide, read_redrive
from streams.views.dead_letters import letter_lines, safe_lines

NAMES = TopicNames()
GOOD = b'{"ts":1767225600123,"rollout":"search","cohort":"canary","status":200,"latency_ms":1}'


def letter(value: bytes = GOOD, reason: str = "bad_json", topic: str = NAMES.events, at: int = 1_000) -> Letter:
    """A dead letter as its topic has it."""
    content = DeadLetter(topic, 3, 8194, 2, reason, "the detail", b"k", value)
    found = read_letter(Place(1, 7), at, content.body(), content.headers())
    assert found is not None
    return found


def note(state: str = "claimed", run: str = "a", after: str = "") -> Redrive:
    """What a run records about it."""
    return Redrive(run=run, state=state, origin=tuple(letter().origin), to="t", by="ann", at=1, after=after)  # type: ignore[arg-type]


@given(st.binary(max_size=50), st.none() | st.binary(), st.text(), st.integers(0, 99))
def test_a_letter_is_read_back(value: bytes, key: bytes | None, detail: str, index: int) -> None:
    """All that was put there comes back."""
    content = DeadLetter("t", 1, 2, index, "r", detail.encode(errors="replace").decode(), key, value)
    found = read_letter(Place(0, 0), 5, content.body(), content.headers())
    assert found is not None
    assert (found.content, found.whole, found.origin) == (content, True, LetterOrigin("t", 1, 2, index))


def test_a_letter_that_was_cut_says_so() -> None:
    """Its size is that of the whole."""
    found = letter(b"x" * (LARGEST_KEPT + 9))
    assert (found.whole, found.whole_size, len(found.content.value)) == (False, LARGEST_KEPT + 9, LARGEST_KEPT)


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
    """A letter must meet every condition of a selection."""
    assert (letter() in selection) is chosen


@pytest.mark.parametrize("text", ["", "1", "1:", ":1", "a:b", "t/1", "t/1/x", "/1/2", "t/1/2/3/4", "-1:2"])
def test_what_is_no_address(text: str) -> None:
    """It is refused, in words."""
    with pytest.raises(ValueError, match="is not an address"):
        Address.parse(text)


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
    """Each topic's own reader refuses nonsense, and accepts a good control."""
    assert checks(NAMES)[topic](b"{") is not None
    control = journal.Control(rollout="r", control="pause", by="ann", at=1)
    assert checks(NAMES)[NAMES.controls](journal.encode(control)) is None


def test_a_claim_is_remembered() -> None:
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


@given(st.permutations(["a", "b", "c"]), st.booleans())
def test_one_claim_counts(runs: list[str], again: bool) -> None:
    """Of claims behind the same one the first in the log counts, whoever made it."""
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
    """Whatever a letter holds, only printable lines come out."""
    content = DeadLetter("t\x1b[2J", 1, 2, 3, "r\n", detail, key, value)
    lines = [*letter_lines(Letter(Place(0, 0), 0, content, len(value)), None), *safe_lines(value)]
    assert all(line.isprintable() for line in lines)
