"""Each module has a test file at the same place: tests/gates/slis/test_latency.py tests gates/slis/latency.py.

`python -m tools.check_mirror` lists modules without one and fails. Modules that are tested elsewhere stand by name in
mirror_exceptions.toml, with the place; an exception that is not needed, or whose place does not exist, fails too.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("gates", "connectors", "streams")
EXCEPTIONS = Path(__file__).with_name("mirror_exceptions.toml")


def test_of(module: str) -> str:
    """The path of the test file that mirrors a module.

    >>> test_of("gates/slis/latency.py")
    'tests/gates/slis/test_latency.py'
    """
    folder, _, name = module.rpartition("/")
    return f"tests/{folder}/test_{name}"


def modules(root: Path) -> list[str]:
    """Every module of the packages but `__init__.py` and `__main__.py`, which hold no logic."""
    found = (file.relative_to(root) for package in PACKAGES for file in (root / package).rglob("*.py"))
    return sorted(file.as_posix() for file in found if not file.name.startswith("__"))


def faults(root: Path, exceptions: Mapping[str, str]) -> Iterator[str]:
    """Modules without a test of their own, and exceptions that are wrong."""
    for module in modules(root):
        mirrored = (root / test_of(module)).is_file()
        if not mirrored and module not in exceptions:
            yield f"{module}: {test_of(module)} is missing"
        elif mirrored and module in exceptions:
            yield f"{module}: has its own test file; remove its exception from {EXCEPTIONS.name}"
    for module, place in exceptions.items():
        if not (root / module).is_file():
            yield f"{module}: does not exist; remove its exception from {EXCEPTIONS.name}"
        elif not (root / place).exists():
            yield f"{module}: {place} does not exist, which {EXCEPTIONS.name} names as its test"


def main() -> int:
    """Check, or count."""
    parser = argparse.ArgumentParser(prog="python -m tools.check_mirror", description=__doc__)
    parser.add_argument("--count", action="store_true", help="print how many modules have a mirror, and check nothing")
    counting = parser.parse_args().count
    exceptions = tomllib.loads(EXCEPTIONS.read_text("utf-8"))
    if counting:
        known = modules(ROOT)
        mirrored = sum((ROOT / test_of(module)).is_file() for module in known)
        print(f"{mirrored} of {len(known)} modules have a test file of their own, {len(exceptions)} are exceptions")
        return 0
    found = list(faults(ROOT, exceptions))
    print(*found, sep="\n", end="\n" if found else "")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
