"""The table of topics."""

import io

from rich.console import Console

from streams.topics import TOPICS, Outcome, State
from streams.views.topics import topic_document, topics_table


def test_each_topic_is_a_row() -> None:
    """Name, state, partitions, retention, content; a missing topic has the number that it would get."""
    reports = [Outcome(TOPICS[0], "request-events", State.MISSING), Outcome(TOPICS[1], "other", State.EXISTS, 7)]
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(topics_table(reports))
    heading, first, second = console.export_text().splitlines()[:3]
    assert heading.split() == ["topic", "state", "partitions", "kept", "content"]
    assert first.split()[:3] == ["request-events", "missing", str(TOPICS[0].partitions)]
    assert second.split()[:3] == ["other", "exists", "7"]
    assert topic_document(reports[0])["partitions"] is None
