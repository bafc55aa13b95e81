"""Moments on the command line."""

from __future__ import annotations

from datetime import UTC, datetime

import click


class Moment(click.ParamType):
    """A moment as milliseconds since the epoch: RFC 3339 (UTC where no zone is given), or how long ago."""

    name = "moment"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it."""
        from gates.documents.quantities import parse_duration
        from streams.clock import wall_ms

        if isinstance(value, int):
            return value
        try:
            return wall_ms() - parse_duration(value)
        except ValueError:
            pass
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            words = f"{value!r} is no moment: write 2026-01-31T12:00:00Z, or how long ago, such as 2h or 7d"
            self.fail(words, param, ctx)
        return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


MOMENT = Moment()


def in_span(ms: int, since: int | None, until: int | None) -> bool:
    """Whether a moment is at or after the one and before the other, where they are given.

    >>> in_span(5, 5, None), in_span(5, None, 5)
    (True, False)
    """
    return (since is None or ms >= since) and (until is None or ms < until)


def iso(ms: int) -> str:
    """A moment in RFC 3339, UTC.

    >>> iso(1767225600123)
    '2026-01-01T00:00:00.123Z'
    """
    moment = datetime.fromtimestamp(ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"
