"""The checks of `make check` are those of pre-commit, and CI runs every target that must hold."""

import re

import yaml

from tests.paths import ROOT

MAKEFILE = (ROOT / "Makefile").read_text("utf-8")


def recipe(target: str) -> list[str]:
    """The commands of a target, as paths from the root of the project."""
    body = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert body is not None
    return [line.strip().lstrip("@").replace("$(BIN)", ".venv/bin") for line in body[1].splitlines()]


def test_pre_commit_runs_what_make_check_runs() -> None:
    """The same commands in the same order."""
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    assert [hook["entry"] for repository in config["repos"] for hook in repository["hooks"]] == recipe("check")


def test_ci_runs_every_target() -> None:
    """All checks and suites; the fast ones with coverage."""
    run = (ROOT / ".ci" / "run").read_text("utf-8")
    targets = re.findall(r"^step .* make ([a-z-]+)", run, re.MULTILINE)
    assert "make test COVERAGE=1" in run
    assert targets == ["check", "test", "fuzz", "test-kafka", "test-faults", "test-cluster", "test-slow"]


def test_every_target_has_its_line_of_help() -> None:
    """`make help` lists them all."""
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert phony is not None
    assert set(phony[1].split()) == set(re.findall(r"^([a-z-]+):.*##", MAKEFILE, re.MULTILINE))
