"""Each part from end to end, tiny: it gives figures, whatever they are."""

from __future__ import annotations

import doctest
import math
from types import ModuleType

import pytest

from benchmarks import fleet, latency, memory, rollouts, scale, startup
from benchmarks.hops import OUT_OF_ORDERNESS_MS
from benchmarks.measure import SMOKE, Row
from benchmarks.memory import EVERY_S, Memory


def check(part: ModuleType, rows: list[Row]) -> dict[tuple[str, str], Row]:
    """The rows by what and case: no two alike, and every figure finite and above 0."""
    found = {(row.what, row.case): row for row in rows}
    assert len(found) == len(rows) > 0
    assert {row.part for row in rows} == {part.PART}
    for row in rows:
        assert row.values, row
        assert all(math.isfinite(value) for value in row.values), row
        assert row.low > 0 or row.what in MAY_BE_NOTHING, row
    return found


MAY_BE_NOTHING = {f"{hop}, p{percent}" for hop in ("flush", "journal") for percent in (50, 95, 99)} | {"growth"}
"""Less than a millisecond; and memory may as well shrink."""


def test_rollouts() -> None:
    """The judge's cost, without a broker: five rollouts are evaluated once a second, by every step."""
    found = check(rollouts, list(rollouts.run("", SMOKE)))
    assert {what for what, _ in found} >= {"evaluated", "journal", "snapshots", *rollouts.STEPS}
    steps = sum(found[step, "5 rollouts"].median for step in rollouts.STEPS)
    assert found["all of it", "5 rollouts"].median == pytest.approx(steps / 1_000)


def test_growth_is_that_of_the_settled_part() -> None:
    """What a process takes while it warms up is no growth."""
    samples = [100.0 + number for number in range(60)] + [160.0] * 60
    assert Memory(tuple(samples)).growth == pytest.approx(0.0)
    rising = [160.0 + 0.1 * number for number in range(60)]
    assert Memory((*samples[:60], *rising)).growth == pytest.approx(0.1 * 60 / EVERY_S)


@pytest.mark.parametrize("module", [fleet, memory])
def test_examples_run(module: ModuleType) -> None:
    """The docstring examples give what they show."""
    failed, attempted = doctest.testmod(module)
    assert attempted > 0
    assert failed == 0


@pytest.mark.kafka
def test_latency(kafka_broker: str) -> None:
    """Both bad rollouts are rolled back, and their time is accounted for to the millisecond."""
    found = check(latency, list(latency.run(kafka_broker, SMOKE)))
    (case,) = {case for _, case in found}
    assert found["rolled back", case].values == (2.0,)
    assert found["total, p50", case].median >= OUT_OF_ORDERNESS_MS


@pytest.mark.kafka
@pytest.mark.parametrize("part", [memory, scale, startup])
def test_parts(part: ModuleType, kafka_broker: str) -> None:
    """Memory, scale and start-up."""
    check(part, list(part.run(kafka_broker, SMOKE)))
