"""Dead letters: reading them back, and choosing them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.dead_letters import LARGEST_KEPT, DeadLetter
from streams.dead_letters.letters import Address, LetterOrigin, Place, Selection, read_letter
from tests.streams.dead_letters.letters import letter


@given(st.binary(max_size=50), st.none() | st.binary(), st.text(), st.integers(0, 99))
def test_a_letter_is_read_back(value: bytes, key: bytes | None, detail: str, index: int) -> None:
    """What is read is what was written."""
    content = DeadLetter("t", 1, 2, index, "r", detail.encode(errors="replace").decode(), key, value)
    found = read_letter(Place(0, 0), 5, content.body(), content.headers())
    assert found is not None
    assert (found.content, found.whole, found.origin) == (content, True, LetterOrigin("t", 1, 2, index))


def test_a_letter_that_was_cut_has_its_whole_size() -> None:
    """Its size is that of the whole."""
    found = letter(b"x" * (LARGEST_KEPT + 9))
    assert (found.whole, found.whole_size, len(found.content.value)) == (False, LARGEST_KEPT + 9, LARGEST_KEPT)


@pytest.mark.parametrize("headers", [[], [("topic", b"t")], [("partition", b"x")], [("topic", None)]])
def test_other_records_are_no_letters(headers: list[tuple[str, bytes | None]]) -> None:
    """Other records on the topic are skipped."""
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
    """It is refused with a reason."""
    with pytest.raises(ValueError, match="is not an address"):
        Address.parse(text)


@pytest.mark.parametrize(
    ("value", "rollout"),
    [(b'{"rollout":"search"}', "search"), (b'{"rollout":5}', None), (b'[{"rollout":"search"}]', None), (b"{", None)],
)
def test_the_rollout_is_known_where_the_value_names_one(value: bytes, rollout: str | None) -> None:
    """A message with many events may name many."""
    assert letter(value).rollout == rollout


def test_places_are_texts_that_can_be_given_as_addresses() -> None:
    """Both forms lead back to the letter."""
    found = letter()
    assert found in Address.parse(str(found.place))
    assert found in Address.parse(str(found.origin))
