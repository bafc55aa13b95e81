"""CONTRIBUTING's lists of steps: their files exist, and a toy that follows them works.

The toys of a new SLI, decoder and command stand with the tests of their registries.
"""

import importlib
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from connectors.actuators import Actuator, Wanted
from gates.stats.statistic import Statistic
from tests.connectors.actuators.contract import ActuatorContract
from tests.gates.stats.contract import StatisticContract
from tests.paths import ROOT

PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
KINDS = ("SLI", "decoder", "actuator", "statistic", "command")
FOLDERS = ("gates", "connectors", "streams", "tests", "docs", "tools", "examples", "deploy", "benchmarks", ".ci")
MOST_STEPS = 4


def steps(kind: str) -> list[str]:
    """The steps of adding one kind of thing."""
    section = re.search(rf"^### An? {kind}\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert section is not None, kind
    return re.findall(r"^\d+\. (.*(?:\n   .*)*)", section[1], re.MULTILINE)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_takes_at_most_four_steps(kind: str) -> None:
    """Code, registry, test, page."""
    assert 2 <= len(steps(kind)) <= MOST_STEPS


def test_the_paths_it_names_exist() -> None:
    """A path with NAME stands for a new file: its folder exists."""
    named = {path for path in re.findall(r"`([\w./-]+)`", PAGE) if "/" in path and path.split("/")[0] in FOLDERS}
    assert len(named) > len(KINDS)
    for path in named:
        place = ROOT / path.split("NAME")[0]
        assert (place if place.exists() else place.parent).exists(), path
        assert "NAME" in path or place.exists(), path


def test_the_make_targets_it_names_exist() -> None:
    """Each `make TARGET` is in the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)", PAGE))
    assert named
    assert named <= targets


@dataclass(slots=True)
class Share:
    """A toy statistic: the share of successes.

    >>> share = Share()
    >>> for success in (True, True, True, False):
    ...     share.update(success)
    >>> share.get()
    0.75
    """

    successes: int = 0
    trials: int = 0

    def update(self, success: bool) -> None:
        """Take in one trial."""
        self.successes += success
        self.trials += 1

    def get(self) -> float | None:
        """The share; None before the first trial."""
        return self.successes / self.trials if self.trials else None

    def dump(self) -> tuple[int, int]:
        """State for a snapshot."""
        return self.successes, self.trials

    def load(self, state: tuple[int, int]) -> None:
        """Continue from what `dump` returned."""
        self.successes, self.trials = state


class TestToyStatistic(StatisticContract):
    """A statistic needs its file and a test that inherits the contract."""

    def make(self) -> Statistic[Any, Any, Any]:
        """The toy."""
        return Share()

    def observation(self, rng: random.Random) -> bool:
        """One trial."""
        return rng.random() < 0.75


class Toy:
    """A toy actuator: it keeps the weights in memory."""

    name = "toy"

    def __init__(self) -> None:
        self.weights: dict[str, Mapping[str, float]] = {}

    async def apply(self, wanted: Wanted) -> Mapping[str, float]:
        """Keep them, and return what is now kept."""
        self.weights[wanted.rollout] = wanted.weights
        return self.weights[wanted.rollout]


class TestToyActuator(ActuatorContract):
    """An actuator needs its file and a test that inherits the contract."""

    def make(self, folder: Path) -> Actuator:
        """The toy."""
        return Toy()


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Actuator]]:
    """The command `actuate toy`, and what it serves in place of serving it."""
    module = importlib.import_module("streams.cli.actuate")
    group: click.Group = module.actuate
    found: list[Actuator] = []
    monkeypatch.setattr("connectors.actuators.serve", lambda actuator, _settings, **_: found.append(actuator))

    def toy(name: str | None, **flags: Any) -> None:
        """Run the toy."""
        module._serve(Toy(), **flags)

    group.command("toy")(module._options(toy))
    yield found
    del group.commands["toy"]


def test_an_actuator_needs_one_command(served: list[Actuator]) -> None:
    """The options, the keys and the settings come with the decorator and the function that serves."""
    group: click.Group = importlib.import_module("streams.cli.actuate").actuate
    done = CliRunner().invoke(group, ["toy", "--rollout", "checkout-v2"])
    assert (done.exit_code, done.output) == (0, "")
    assert [type(actuator) for actuator in served] == [Toy]
