"""Dead letters: what is kept of a message, within bounds."""

from dataclasses import replace

from connectors.dead_letters import LARGEST_DETAIL, LARGEST_KEPT, DeadLetter

LETTER = DeadLetter("request-events", 3, 41, 2, "bad_json", "line 1: no brace", b"checkout-v2", b"{")


def test_all_of_a_small_message_is_kept() -> None:
    """Its place, the reason and the key are headers, and its bytes are the body."""
    assert LETTER.body() == b"{"
    assert LETTER.headers() == [
        ("topic", b"request-events"),
        ("partition", b"3"),
        ("offset", b"41"),
        ("index", b"2"),
        ("reason", b"bad_json"),
        ("detail", b"line 1: no brace"),
        ("key", b"checkout-v2"),
    ]


def test_a_message_without_a_key_has_no_such_header() -> None:
    """An empty key is a key, though."""
    assert "key" not in dict(replace(LETTER, key=None).headers())
    assert dict(replace(LETTER, key=b"").headers())["key"] == b""


def test_a_large_value_is_cut() -> None:
    """A header has the whole size, so that nobody takes the part for the message."""
    whole, large = (replace(LETTER, value=b"x" * size, size=-1) for size in (LARGEST_KEPT, LARGEST_KEPT + 1))
    assert (len(whole.body()), "truncated_from" in dict(whole.headers())) == (LARGEST_KEPT, False)
    assert (len(large.body()), dict(large.headers())["truncated_from"]) == (LARGEST_KEPT, b"65537")


def test_a_large_value_is_not_held() -> None:
    """Letters wait for a flush: of a large message only what is kept stays in memory."""
    large = replace(LETTER, value=b"x" * 10_000_000, size=-1)
    assert (len(large.value), large.size) == (LARGEST_KEPT, 10_000_000)
    gone = large.without_bytes()
    assert (gone.key, gone.value, dict(gone.headers())["truncated_from"]) == (None, b"", b"10000000")
    assert gone.detail == "(its 10000000 bytes were not kept) line 1: no brace"


def test_a_large_key_is_dropped() -> None:
    """The detail has its size."""
    assert replace(LETTER, key=b"k" * LARGEST_KEPT).key is not None
    letter = replace(LETTER, key=b"k" * (LARGEST_KEPT + 1))
    assert letter.key is None
    assert letter.detail == "(its key of 65537 bytes was not kept) line 1: no brace"


def test_a_long_detail_is_cut() -> None:
    """And one that is not valid Unicode is still a header."""
    assert len(replace(LETTER, detail="x" * 100_000).detail) == LARGEST_DETAIL
    assert dict(replace(LETTER, detail="\ud800").headers())["detail"] == b"?"
