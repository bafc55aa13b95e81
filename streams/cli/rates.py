"""Rates on the command line."""

from __future__ import annotations

from math import isfinite

import click


class Rate(click.FloatRange):
    """Requests a second: above 0, or from `least` on. `nan` and `inf` are numbers to `float`, and no rates."""

    def __init__(self, least: float | None = None, most: float | None = None) -> None:
        super().__init__(min=0.0 if least is None else least, max=most, min_open=least is None)

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read it."""
        number = float(super().convert(value, param, ctx))
        if not isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number
