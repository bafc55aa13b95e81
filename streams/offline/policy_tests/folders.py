"""Folders of policy tests: finding them, and reading one. A folder with a `test.yaml` is a test."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from os.path import normpath
from pathlib import Path

from connectors.policy_files import LARGEST_BYTES, PolicyFileError, load, read
from gates.policy import Policy
from streams.offline.policy_tests.document import PolicyTest

TEST_FILE = "test.yaml"
DEFAULT_EVENTS = "events.ndjson"
HINT = "write what is expected, such as `expect: [start, ..., rollback]`"


class UnreadableError(ValueError):
    """A test that cannot run: its files cannot be read, or have faults; the message has a line for each."""


@dataclass(frozen=True, slots=True)
class LoadedTest:
    """A test with its policy and, if its traffic is recorded, the lines of the events file."""

    test: PolicyTest
    policy: Policy
    lines: list[bytes]


def find_tests(roots: Iterable[Path]) -> list[Path]:
    """Every test folder in these folders, themselves included, each once and in the order of their paths.

    A folder with a policy and events but without a `test.yaml` is included, and is then reported as unreadable: its
    author probably meant it as a test, and must see that it tests nothing.

    Raises:
        OSError: a path is not a folder, or cannot be listed.
    """
    found: dict[Path, Path] = {}
    for root in roots:
        next(root.iterdir(), None)
        for folder in sorted({file.parent for file in root.rglob("*.*") if _marks_test(file)}):
            found.setdefault(folder.resolve(), folder)
    return list(found.values())


def _marks_test(file: Path) -> bool:
    forgotten = file.name == DEFAULT_EVENTS and (file.parent / "policy.yaml").exists()
    return file.name == TEST_FILE or forgotten


def load_test(folder: Path) -> LoadedTest:
    """Read a test folder.

    Raises:
        UnreadableError: something in it cannot be read; the message has every fault.
    """
    file = folder / TEST_FILE
    if not file.exists():
        raise UnreadableError(f"{file}: is missing beside {DEFAULT_EVENTS}: {HINT}")
    try:
        test = read(_content(file), PolicyTest.parse, source=str(file), hint=HINT)
    except PolicyFileError as error:
        raise UnreadableError(_faults(error, "test")) from None
    policy = _policy(Path(normpath(folder / test.policy)))
    if unknown := _unknown_names(test, policy):
        raise UnreadableError("\n".join(f"{file}: {fault}" for fault in unknown))
    lines = [] if test.simulated else _lines(Path(normpath(folder / (test.events or DEFAULT_EVENTS))))
    return LoadedTest(test, policy, lines)


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(LARGEST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise UnreadableError(f"{file}: cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _policy(file: Path) -> Policy:
    try:
        return load(_content(file), source=str(file))
    except PolicyFileError as error:
        raise UnreadableError(_faults(error, "policy")) from None


def _lines(file: Path) -> list[bytes]:
    try:
        return file.read_bytes().splitlines(keepends=True)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        hint = "; a test has `events: FILE`, `scenario: NAME` or `traffic: {...}`"
        raise UnreadableError(f"{file}: cannot be read: {why}{hint}") from None


def _faults(error: PolicyFileError, whole: str) -> str:
    return "\n".join(f"{error.source}:{f.line}: {f.path or whole}: {f.message}" for f in error.faults)


def _unknown_names(test: PolicyTest, policy: Policy) -> list[str]:
    """Faults for expected stages and checks that the policy does not have: such a test could never pass."""
    stages = [stage.name for stage in policy.stages]
    faults: list[str] = []
    for index, each in enumerate(test.expect or ()):
        if each.stage is not None and each.stage not in stages:
            faults.append(f"expect[{index}].stage: {each.stage!r} is not a stage of the policy: {', '.join(stages)}")
        if each.check is not None and each.check.name not in policy.checks:
            faults.append(
                f"expect[{index}].check: {each.check.name!r} is not a check of the policy: {', '.join(policy.checks)}"
            )
    return faults
