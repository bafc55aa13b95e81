"""What a soak run does at which time; the times are parts of the run, so that a short one does all of it as well."""

import random
from enum import StrEnum, auto
from typing import NamedTuple

STAGE_MINUTES = 10
FEWEST_STAGES = 2


class Kind(StrEnum):
    """What is done besides kills and stops."""

    KEYS_TRUSTED = auto()
    KEYS_USED = auto()
    KEYS_REMOVED = auto()
    PARTITIONS = auto()
    COMPACTION = auto()
    MOVE = auto()
    CANARIES = auto()
    CHECK = auto()


WHEN: dict[Kind, tuple[tuple[float, float], ...]] = {
    # In the first quarter: the second and the last quarter of the growth check then have the same processes.
    Kind.KEYS_TRUSTED: ((0.04, 0.05),),
    Kind.KEYS_USED: ((0.09, 0.1),),
    Kind.KEYS_REMOVED: ((0.15, 0.16),),
    Kind.PARTITIONS: ((0.26, 0.4), (0.55, 0.7)),
    Kind.COMPACTION: ((0.32, 0.45), (0.72, 0.85)),
    Kind.MOVE: ((0.3, 0.45), (0.6, 0.9)),
}
"""Between which parts of the run each is done, once for each pair."""

CANARIES_AT = (0.05, 0.1)
"""Between which parts of its stage a pair of canaries starts."""


class Step(NamedTuple):
    """Something to do, in seconds after the begin of the run; `number` counts those of its kind from 1."""

    at: float
    kind: Kind
    number: int


def stages(minutes: float) -> int:
    """One for every ten minutes.

    >>> stages(60), stages(4)
    (6, 2)
    """
    return max(FEWEST_STAGES, round(minutes / STAGE_MINUTES))


def plan(minutes: float, rng: random.Random) -> list[Step]:
    """All steps of a run in order. Each stage has a pair of canaries, and ends with a check, so the run does."""
    seconds, count = minutes * 60, stages(minutes)
    found = [
        Step(seconds * rng.uniform(*between), kind, number)
        for kind, when in WHEN.items()
        for number, between in enumerate(when, 1)
    ]
    for stage in range(count):
        found.append(Step(seconds * (stage + rng.uniform(*CANARIES_AT)) / count, Kind.CANARIES, stage + 1))
        found.append(Step(seconds * (stage + 1) / count, Kind.CHECK, stage + 1))
    return sorted(found)
