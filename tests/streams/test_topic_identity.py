"""Identities of topics: the broker's ids, and marks where they do not show that a log began again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.topic_identity import is_same, joined, marked, topic_id

IDENTITIES = st.builds(
    lambda given, mark: given if mark is None else marked(given, mark),
    st.sampled_from(["", "X", "Y"]),
    st.none() | st.integers(1, 2),
)


@given(IDENTITIES, IDENTITIES)
def test_what_is_joined_stays_the_same_topic(known: str, given: str) -> None:
    """A record that is of the known topic is so again once its identity is noted; no mark and no id is lost."""
    assert is_same(known, known)
    if is_same(known, given):
        noted = joined(known, given)
        assert is_same(noted, given)
        assert is_same(noted, "")
        assert topic_id(noted) == (topic_id(known) or topic_id(given))
    assert not is_same(known, marked(known, 3))
