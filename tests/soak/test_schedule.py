"""The schedule of a soak run."""

import random
from collections import Counter

import pytest

from tests.soak.schedule import Kind, plan, stages


@pytest.mark.parametrize("minutes", [3.0, 60.0])
def test_a_run_of_any_length_has_every_kind(minutes: float) -> None:
    """Partitions, compaction and moves twice; one rotation of keys; canaries and a check in each stage."""
    steps = plan(minutes, random.Random(1))
    twice = {Kind.PARTITIONS: 2, Kind.COMPACTION: 2, Kind.MOVE: 2}
    rotation = {Kind.KEYS_TRUSTED: 1, Kind.KEYS_USED: 1, Kind.KEYS_REMOVED: 1}
    each_stage = {Kind.CANARIES: stages(minutes), Kind.CHECK: stages(minutes)}
    assert Counter(step.kind for step in steps) == twice | rotation | each_stage
    assert steps == sorted(steps)
    assert (steps[-1].kind, steps[-1].at) == (Kind.CHECK, minutes * 60)


def test_keys_are_rotated_in_order_before_memory_is_compared() -> None:
    """The three steps are in the first quarter, whatever the seed."""
    for seed in range(50):
        steps = plan(60, random.Random(seed))
        rotated = [step for step in steps if step.kind.startswith("keys")]
        assert [step.kind for step in rotated] == [Kind.KEYS_TRUSTED, Kind.KEYS_USED, Kind.KEYS_REMOVED]
        assert rotated[-1].at < 60 * 60 / 4


def test_a_seed_gives_one_plan() -> None:
    """The same seed, the same times; another, others."""
    assert plan(30, random.Random(7)) == plan(30, random.Random(7)) != plan(30, random.Random(8))
