"""Every example in a docstring runs and gives the output shown."""

import doctest
import importlib

import pytest

from tests.paths import ROOT


def modules_with_examples() -> list[str]:
    """Return the dotted names of the modules that hold examples."""
    return sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for package in ("gates", "connectors", "streams", "tools", "benchmarks")
        for path in (ROOT / package).rglob("*.py")
        if ">>> " in path.read_text(encoding="utf-8")
    )


@pytest.mark.parametrize("module", modules_with_examples())
def test_examples_run(module: str) -> None:
    """The module's docstring examples give what they show."""
    failed, attempted = doctest.testmod(importlib.import_module(module))
    assert attempted > 0
    assert failed == 0


def test_examples_are_found() -> None:
    """The search finds examples at all, so that the test above cannot pass by finding nothing."""
    assert {"gates.text", "gates.stats.error_share"} <= set(modules_with_examples())
