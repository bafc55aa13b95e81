"""The rules of judging are pinned by number."""

from __future__ import annotations

from gates.rules import CURRENT, RULES


def test_new_starts_get_the_newest_rules() -> None:
    """The numbers are 1, 2, ... without a gap."""
    assert sorted(RULES) == list(range(1, CURRENT + 1))


def test_each_number_judges_in_its_own_way() -> None:
    """Two numbers with the same switches would be one too many."""
    assert len(set(RULES.values())) == len(RULES)
