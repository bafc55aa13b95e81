"""Chance that is the same for the same seed."""

import random


def seeded(seed: int, part: str) -> random.Random:
    """A generator for one part of the demo, so that the parts do not share their luck."""
    return random.Random(f"{seed}/{part}")  # noqa: S311 - traffic for a show, no secrets
