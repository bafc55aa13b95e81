"""Checking lines: faults as they are met, and a summary of what would be counted."""

import doctest

from connectors.decoders import check
from connectors.decoders.check import LineFault, Summary, check_lines

LINE = b'{"ts":%d,"rollout":"%s","cohort":"%s","status":200,"latency_ms":1}\n'
A = LINE % (1767225600123, b"a", b"canary")
B = LINE % (1767225600001, b"b", b"baseline")


def test_example() -> None:
    """The example in the documentation runs."""
    assert doctest.testmod(check).failed == 0


def test_faults_are_lazy() -> None:
    """Each fault is yielded before the next line is read."""

    def lines() -> object:
        yield b"{\n"
        raise AssertionError("read ahead")

    assert next(check_lines(lines())).line == 1  # type: ignore[arg-type]


def test_positions() -> None:
    """A fault has its line, and its position if the line is an array."""
    array = b"[" + A.strip() + b", 7]\n"
    assert list(check_lines([A, b"\r\n", b"{\r\n", array])) == [
        LineFault(3, None, "bad_json", "Input data was truncated"),
        LineFault(4, 1, "not_an_object", "Expected `object`, got `int`"),
    ]


def test_summary() -> None:
    """The summary counts lines, events, faults by reason, rollouts and cohorts, and has the time range."""
    summary = Summary()
    assert len(list(check_lines([A, B, A, b"\n", b"{", b"7", b"8"], summary))) == 3
    assert summary.as_dict() == {
        "lines": 7,
        "events": 3,
        "faults": {"bad_json": 1, "not_an_object": 2},
        "rollouts": {"a": 2, "b": 1},
        "cohorts": {"a": {"canary": 2}, "b": {"baseline": 1}},
        "first_ts_ms": 1767225600001,
        "last_ts_ms": 1767225600123,
    }
