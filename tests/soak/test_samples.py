"""Growth over a soak run, and its table."""

import os
from typing import Any

from tests.soak.samples import HEADINGS, Sample, cells, growth, line, memory_and_handles


def sample(minutes: float, **changes: Any) -> Sample:
    """A sample of steady figures, but for these."""
    figures: dict[str, Any] = dict.fromkeys(Sample.__dataclass_fields__, 0)
    return Sample(**figures | {"steady_mib": 100.0, "steady_handles": 20, "minutes": minutes} | changes)


def test_steady_figures_have_not_grown() -> None:
    """What grows at first, and what is high for a while, is no growth."""
    run = [sample(minute, steady_mib=80.0 if minute < 10 else 101.0) for minute in range(60)]
    run[50] = sample(50, steady_mib=900.0, steady_handles=500)
    assert growth(run, 60) == {}


def test_memory_that_grows_is_found() -> None:
    """By half a MiB a minute."""
    run = [sample(minute, steady_mib=90 + minute / 2) for minute in range(61)]
    assert set(growth(run, 60)) == {"steady_mib"}


def test_handles_that_grow_are_found() -> None:
    """By one in four minutes, of the actuator."""
    run = [sample(minute, actuator_handles=10 + minute // 4) for minute in range(61)]
    assert set(growth(run, 60)) == {"actuator_handles"}


def test_the_table_has_a_cell_for_each_heading() -> None:
    """In columns of one width."""
    lines = [line(HEADINGS), line(cells(sample(1.5)))]
    assert len(lines[0]) == len(lines[1])
    assert lines[1].split()[0] == "1.5"


def test_a_process_has_memory_and_handles() -> None:
    """The process of the test itself."""
    memory, handles = memory_and_handles(os.getpid())
    assert memory > 1
    assert handles >= 3
