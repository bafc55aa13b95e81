"""Sizes of modules, functions, classes and interfaces, held against limits.

`python -m tools.check_sizes` prints what is larger than its limit and fails. What may be larger stands by name, with a
bound and the reason, in size_exceptions.toml; an exception that is no longer needed fails too. `--report` prints the
distribution of sizes.
"""

from __future__ import annotations

import argparse
import ast
import statistics
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("gates", "connectors", "streams", "tools", "benchmarks")
EXCEPTIONS = Path(__file__).with_name("size_exceptions.toml")

LIMITS = {
    "module_lines": 300,
    "function_lines": 50,
    "class_methods": 12,
    "class_attributes": 10,
    "interface_methods": 4,
}
MEDIAN_MODULE_LINES = 130
"""Half of the modules are shorter than this. A few long modules are exceptions; a rising median is a habit."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Size(NamedTuple):
    """One measure of one thing: a module by its path, everything else as `path:qualified.name`."""

    measure: str
    name: str
    value: int


def sizes_of(source: str, path: str) -> Iterator[Size]:
    """Every size in one module.

    >>> [tuple(size) for size in sizes_of("def f(): pass", "a.py")]
    [('module_lines', 'a.py', 1), ('function_lines', 'a.py:f', 1)]
    """
    yield Size("module_lines", path, len(source.splitlines()))
    yield from _inside(ast.parse(source), f"{path}:")


def _inside(parent: ast.AST, prefix: str) -> Iterator[Size]:
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, Function):
            yield Size("function_lines", prefix + node.name, (node.end_lineno or node.lineno) - node.lineno + 1)
            yield from _inside(node, f"{prefix}{node.name}.")
        elif isinstance(node, ast.ClassDef):
            yield from _of_class(node, prefix + node.name)
            yield from _inside(node, f"{prefix}{node.name}.")
        else:
            yield from _inside(node, prefix)


def _of_class(node: ast.ClassDef, name: str) -> Iterator[Size]:
    # `@overload` repeats a name and a property's setter does too: both are one method to the reader.
    methods = {item.name for item in node.body if isinstance(item, Function)}
    if any(ast.unparse(base).split("[")[0].endswith("Protocol") for base in node.bases):
        yield Size("interface_methods", name, len(methods))
    yield Size("class_methods", name, len(methods))
    yield Size("class_attributes", name, len(_attributes(node)))


def _attributes(node: ast.ClassDef) -> set[str]:
    """The fields in a class's body, and the names that its methods set on `self`."""
    fields = {
        item.target.id
        for item in node.body
        if isinstance(item, ast.AnnAssign)
        and isinstance(item.target, ast.Name)
        and "ClassVar" not in ast.unparse(item.annotation)
    }
    set_on_self = {
        item.attr
        for item in ast.walk(node)
        if isinstance(item, ast.Attribute)
        and isinstance(item.ctx, ast.Store)
        and isinstance(item.value, ast.Name)
        and item.value.id == "self"
    }
    return fields | set_on_self


def faults(sizes: Iterable[Size], exceptions: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """What is too large without leave, and exceptions that nothing needs."""
    needed: set[tuple[str, str]] = set()
    for measure, name, value in sizes:
        limit, exception = LIMITS[measure], exceptions.get(measure, {}).get(name)
        if value <= limit:
            continue
        if exception is None:
            yield f"{name}: {measure} is {value}, at most {limit} allowed"
            continue
        needed.add((measure, name))
        if value > exception["at_most"]:
            yield f"{name}: {measure} is {value}, at most {exception['at_most']} allowed by its exception"
    for measure, names in exceptions.items():
        for name, exception in names.items():
            if not exception.get("reason"):
                yield f"{name}: the exception from {measure} has no reason"
            if (measure, name) not in needed:
                yield f"{name}: the exception from {measure} is not needed; remove it from {EXCEPTIONS.name}"


def all_sizes(root: Path = ROOT) -> list[Size]:
    """The sizes of every module of the project's packages."""
    files = sorted(file for folder in FOLDERS for file in (root / folder).rglob("*.py"))
    return [size for file in files for size in sizes_of(file.read_text("utf-8"), file.relative_to(root).as_posix())]


def values(sizes: Iterable[Size], measure: str) -> list[int]:
    """The values of one measure; empty `__init__.py` files would only lower the median, and are left out."""
    return sorted(size.value for size in sizes if size.measure == measure and not size.name.endswith("__init__.py"))


def report(sizes: list[Size]) -> str:
    """Median, 90th and 95th percentile and maximum of each measure."""
    lines = [f"{'':18} {'number':>6} {'median':>6} {'p90':>6} {'p95':>6} {'max':>6} {'limit':>6}"]
    for measure, limit in LIMITS.items():
        known = values(sizes, measure)
        at = [known[min(len(known) - 1, len(known) * share // 100)] for share in (50, 90, 95)]
        lines.append(f"{measure:18} {len(known):6} {at[0]:6} {at[1]:6} {at[2]:6} {known[-1]:6} {limit:6}")
    return "\n".join(lines)


def main() -> int:
    """Check, or report."""
    parser = argparse.ArgumentParser(prog="python -m tools.check_sizes", description=__doc__)
    parser.add_argument("--report", action="store_true", help="print the distribution of sizes, and check nothing")
    sizes = all_sizes()
    if parser.parse_args().report:
        print(report(sizes))
        return 0
    found = list(faults(sizes, tomllib.loads(EXCEPTIONS.read_text("utf-8"))))
    median = statistics.median(values(sizes, "module_lines"))
    if median > MEDIAN_MODULE_LINES:
        found.append(f"the median module has {median:.0f} lines, at most {MEDIAN_MODULE_LINES} allowed")
    print(*found, sep="\n", end="\n" if found else "")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
