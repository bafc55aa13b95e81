"""Types of command-line parameters: times, durations, rates, shares, and the name of the operator."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from datetime import UTC, datetime
from math import isfinite
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


class TimeParameter(click.ParamType):
    """A time in milliseconds since the epoch: RFC 3339 (UTC if no zone is given), or how long ago."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The time in milliseconds; click calls it with values that it has converted before, too."""
        from gates.documents.quantities import parse_duration
        from streams.clock import wall_ms

        if isinstance(value, int):
            return value
        try:
            return wall_ms() - parse_duration(value)
        except ValueError:
            pass
        try:
            time = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a time: write 2026-01-31T12:00:00Z, or how long ago, as 2h or 7d", param, ctx)
        return round((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)


class DurationParameter(click.ParamType):
    """A duration as policies write it, in milliseconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The duration in milliseconds; click calls it with values that it has converted before, too."""
        from gates.documents.quantities import parse_duration

        if isinstance(value, int):
            return value
        try:
            return parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class RateParameter(click.FloatRange):
    """Requests per second: above 0, or at least `least`. `float` accepts `nan` and `inf`; a rate must be finite."""

    def __init__(self, least: float | None = None, most: float | None = None) -> None:
        super().__init__(min=0.0 if least is None else least, max=most, min_open=least is None)

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The rate as a number."""
        number = float(super().convert(value, param, ctx))
        if not isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


class ShareParameter(click.ParamType):
    """A share as policies write it (0.1% or 0.001), as a fraction."""

    name = "share"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The share as a fraction; click calls it with values that it has converted before, too."""
        from gates.documents.quantities import parse_share

        if isinstance(value, float):
            return value
        try:
            return parse_share(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def base_error_option(text: str) -> Callable[[F], F]:
    """The option --base-error, a share; `text` is its help."""
    return click.option(
        "--base-error", metavar="SHARE", default="0.1%", show_default=True, type=ShareParameter(), help=text
    )


def operator_name() -> str:
    """The name of the user who runs the command, as orders and redrives record it."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user id without a name, as in some containers
        return "unknown"
