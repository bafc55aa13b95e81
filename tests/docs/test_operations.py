"""docs/operations.md and docs/security.md name every variable and every metric there is, and none that there is not."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client.metrics import MetricWrapperBase

from connectors.actuators import executor, orders
from connectors.kafka import bounded_batches, stalled_partitions
from streams.runtime import metrics
from streams.runtime.settings import Settings
from tests.paths import ROOT

OPERATIONS, SECURITY = (
    (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8") for page in ("operations", "security")
)
OTHERS = {"SLUICEGATE_FAULT", "SLUICEGATE_SEED"}
"""Variables that are no settings: of the faults on purpose, and of the schedules of `tests/model`."""
WORKED_OUT = {"SLUICEGATE_WORKER_ID": "host and process", "SLUICEGATE_ROLES": "all"}
"""Defaults that the page describes in words."""


def rows(page: str, heads: str) -> Iterator[list[str]]:
    """Give the cells of each table whose row of heads begins so."""
    for part in page.split(f"\n| {heads} ")[1:]:
        for line in part.split("\n\n")[0].splitlines()[2:]:
            yield [cell.strip() for cell in line.strip("|").split("|")]


def written(cell: str, before: str) -> list[str]:
    """Give the names in a cell; one that begins with `_` leaves out what all begin with."""
    return [f"{before}{name}" if name.startswith("_") else name for name in re.findall(r"`([^`]+)`", cell)]


def variables() -> dict[str, Any]:
    """Give every variable with its default."""
    return {f"SLUICEGATE_{name.upper()}": field.default for name, field in Settings.model_fields.items()}


def test_every_variable_is_in_a_table() -> None:
    """Each setting has a row, in one of the two pages; and each row is of a setting."""
    found = [
        name
        for page in (OPERATIONS, SECURITY)
        for cells in rows(page, "variable")
        for name in written(cells[0], "SLUICEGATE")
    ]
    assert sorted(found) == sorted(set(variables())), "rows of docs/operations.md and docs/security.md"


def test_the_defaults_are_right() -> None:
    """As docs/operations.md lists them."""
    known = variables()
    for cells in rows(OPERATIONS, "variable"):
        names, defaults = written(cells[0], "SLUICEGATE"), written(cells[1], "")
        if cells[1] == "none":
            assert [known[name] for name in names] == [""] * len(names), names
        elif names[0] in WORKED_OUT:
            assert cells[1] == WORKED_OUT[names[0]]
        else:
            assert [str(known[name]).lower() for name in names] == [one.lower() for one in defaults], names


def test_no_page_names_a_variable_that_is_none() -> None:
    """Wherever one is named: in the docs, the README and what is deployed."""
    files = [*ROOT.glob("docs/**/*.md"), ROOT / "README.md", ROOT / "docker-compose.yml", *ROOT.glob("deploy/*.yml")]
    for file in files:
        named = set(re.findall(r"\bSLUICEGATE_[A-Z0-9]+(?:_[A-Z0-9]+)*\b", file.read_text(encoding="utf-8")))
        unknown = {name for name in named - set(variables()) - OTHERS if not name.startswith("SLUICEGATE_TEST_")}
        assert not unknown, file


def collectors() -> Mapping[str, tuple[str, ...]]:
    """Give every metric with its labels."""
    modules = (metrics, orders, executor, bounded_batches, stalled_partitions)
    defined = (one for module in modules for one in vars(module).values())
    every = [one for one in defined if isinstance(one, MetricWrapperBase)]
    return {next(iter(one.describe())).name: tuple(one._labelnames) for one in every}


def test_every_metric_is_in_the_table_with_its_labels() -> None:
    """Each metric of a worker and of an actuator's process."""
    documented = {
        written(cells[0], "")[0]: tuple(filter(None, cells[1].split(", "))) for cells in rows(OPERATIONS, "metric")
    }
    assert documented == collectors()
