"""The table of topics, as text and as JSON values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from gates.documents.quantities import format_duration
from streams.topics import Outcome
from streams.views.tables import plain_table

STYLES = {"created": "green", "exists": "", "differs": "yellow", "missing": "yellow", "failed": "bold red"}


def topics_table(reports: Sequence[Outcome]) -> Table:
    """A row per topic: name, state, partitions, retention, content."""
    table = plain_table()
    for name in ("topic", "state", "partitions", "kept"):
        table.add_column(name, no_wrap=True)
    table.add_column("content", ratio=1)
    for report in reports:
        style = STYLES[report.state]
        number = report.partitions or report.spec.partitions
        row = (Text(report.topic, style), Text(report.state.value, style), Text(str(number)), Text(_kept(report)))
        table.add_row(*row, report.spec.about)
    return table


def _kept(report: Outcome) -> str:
    kept = report.spec.retention_ms
    return "newest per key" if kept is None else format_duration(kept)


def topic_document(report: Outcome) -> dict[str, Any]:
    """A topic as JSON values."""
    spec = report.spec
    return {
        "topic": report.topic,
        "state": report.state.value,
        "partitions": report.partitions or None,
        "details": list(report.details),
        "wanted": {"partitions": spec.partitions, "config": spec.config},
        "key": spec.key,
        "writer": spec.writer,
        "readers": spec.readers,
        "about": spec.about,
    }
