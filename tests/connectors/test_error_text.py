"""No log line ends in nothing: an error that may have no text is logged by `text_of`, or with its type."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import connectors
import streams
from connectors.error_text import text_of

TEXTLESS = {"TimeoutError", "OSError", "Exception", "BaseException"}
"""Errors that come without a text; those of aiokafka have at least their name."""
LEVELS = {"debug", "info", "warning", "error"}


def bare_errors(source: str) -> Iterator[int]:
    """The lines that log an error as it is, in a handler of errors that may have no text."""
    for handler in ast.walk(ast.parse(source)):
        if not isinstance(handler, ast.ExceptHandler) or handler.type is None or handler.name is None:
            continue
        if not TEXTLESS & {each.id for each in ast.walk(handler.type) if isinstance(each, ast.Name)}:
            continue
        for call in ast.walk(handler):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in LEVELS:
                named = any(isinstance(each, ast.Constant) and "%r" in str(each.value) for each in call.args)
                bare = any(isinstance(each, ast.Name) and each.id == handler.name for each in call.args)
                if bare and not named:
                    yield call.lineno


@pytest.mark.parametrize("package", [connectors, streams])
def test_every_log_line_has_a_reason(package: object) -> None:
    """In all modules."""
    (folder,) = package.__path__  # type: ignore[attr-defined]
    found = [f"{path}:{line}" for path in Path(folder).rglob("*.py") for line in bare_errors(path.read_text("utf-8"))]
    assert found == []


def test_the_rule_finds_what_it_should() -> None:
    """A bare error, but not its text, nor one that is logged as it is written in code."""
    handled = "try:\n    x()\nexcept ({}) as e:\n    log.error('{}', {})"
    assert list(bare_errors(handled.format("A, TimeoutError", "%s", "e"))) == [4]
    assert not list(bare_errors(handled.format("A, TimeoutError", "%s", "text_of(e)")))
    assert not list(bare_errors(handled.format("A, TimeoutError", "%r", "e")))
    assert not list(bare_errors(handled.format("KafkaError", "%s", "e")))
    assert not list(bare_errors("try:\n    x()\nexcept TimeoutError:\n    log.error('%s', e)"))


def test_its_text() -> None:
    """Or its name."""
    assert (text_of(TimeoutError()), text_of(OSError("gone"))) == ("TimeoutError", "gone")
