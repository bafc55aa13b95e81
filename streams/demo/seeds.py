"""Random numbers that are the same for the same seed."""

import random


def seeded_random(seed: int, part: str) -> random.Random:
    """A generator for one part of the demo: parts with one generator would change each other's draws."""
    return random.Random(f"{seed}/{part}")  # noqa: S311 - traffic of a demo, no secrets
