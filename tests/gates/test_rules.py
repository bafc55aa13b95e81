"""The rules of judging: numbers never change their meaning."""

from __future__ import annotations

from dataclasses import astuple

from gates.rules import CURRENT, FIRST, RULES


def test_the_first_rules_have_no_change_and_the_current_all() -> None:
    """A new switch must not reach an epoch that began without it."""
    assert not any(astuple(RULES[FIRST]))
    assert all(astuple(RULES[CURRENT]))
    assert max(RULES) == CURRENT
