"""A remark: a place in a policy, and why it is probably a mistake."""

from __future__ import annotations

from gates.advice.remarks import Remark, of_check
from gates.documents.faults import PolicyFault


def test_a_remark_is_shown_like_a_fault() -> None:
    """Path, then message: people and editors read both in one way."""
    remark = Remark(("stages", 1, "bake"), "is too short")
    assert (remark.path, str(remark)) == ("stages[1].bake", "stages[1].bake: is too short")
    assert str(remark) == str(PolicyFault(("stages", 1, "bake"), "is too short"))


def test_a_remark_on_a_check() -> None:
    """At its key, under its name."""
    assert of_check("errors", "ratio", "is large") == Remark(("checks", "errors", "ratio"), "is large")
