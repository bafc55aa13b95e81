"""No module uses private parts of a library, except the one guarded module per library."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import connectors
import streams

GUARDED = {
    "connectors/kafka/private_aiokafka.py",
    "connectors/kafka/private_answers.py",
    "connectors/kafka/private_closing.py",
    "connectors/kafka/private_faust.py",
    "connectors/kafka/private_fetches.py",
}
ALLOWED = {"_exit", "_replace"}
"""`os._exit` and `_replace` of named tuples are public, in spite of their names."""


def private(name: str) -> bool:
    """Whether a name is private by its form."""
    return name.startswith("_") and not name.startswith("__")


def foreign_private_parts(source: str) -> Iterator[tuple[int, str]]:
    """Give the line and name of each private attribute that is used in a module and not defined in it."""
    tree = ast.parse(source)
    own, used = set(ALLOWED), []
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                own.add(name)
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()) if private(name):
                own.add(name)
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                own.add(name)
            case ast.Attribute(attr=name) if private(name):
                used.append((node.lineno, name))
            case ast.Call(func=ast.Name(id="getattr" | "setattr"), args=[_, ast.Constant(value=str(name)), *_]):
                used += [(node.lineno, name)] if private(name) else []
    yield from (one for one in used if one[1] not in own)


@pytest.mark.parametrize("package", [connectors, streams])
def test_private_parts_are_used_in_one_place(package: object) -> None:
    """Each private attribute that a module uses is defined in that module."""
    (folder,) = package.__path__  # type: ignore[attr-defined]
    found = {
        f"{path.relative_to(Path(folder).parent)}:{line}: {name}"
        for path in Path(folder).rglob("*.py")
        if str(path.relative_to(Path(folder).parent)) not in GUARDED
        for line, name in foreign_private_parts(path.read_text(encoding="utf-8"))
    }
    assert found == set()


def test_the_rule_finds_what_it_should() -> None:
    """Attributes of other objects, `getattr` with a constant, and inherited private attributes."""
    bad = "class A(B):\n    def f(self):\n        self._a = 1\n        return self._b, x._c, getattr(x, '_d')"
    assert {name for _, name in foreign_private_parts(bad)} == {"_b", "_c", "_d"}
    assert not list(foreign_private_parts("import os\nclass A:\n    _a = 1\n\nA._a\nos._exit(1)\n__name__.__doc__"))
