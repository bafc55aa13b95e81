"""The lint: all remarks of the policy, of its traffic and of its SLIs together."""

from __future__ import annotations

import pytest

from gates.advice.lint import lint
from tests.gates.good_policy import changed


def test_a_good_policy_is_left_in_peace() -> None:
    """No remark on a policy without mistakes, at the traffic that it is made for."""
    assert lint(changed({})) == ()
    assert lint(changed({}), 1000.0, 0.01) == ()


def test_remarks_of_all_kinds_are_together() -> None:
    """One on the whole policy, one on a stage at this traffic, one of an SLI, one of the budget."""
    policy = changed({"owner": None, "stages.1.approval": True, "checks.errors.limit": "90%"})
    paths = [remark.path for remark in lint(policy, 2.0)]
    assert paths[0] == "stages[1].approval"
    assert {"stages[0].bake", "checks.errors.limit"} <= set(paths)
    assert set(paths) > {remark.path for remark in lint(policy)}


def test_traffic_must_be_some() -> None:
    """No traffic can be planned for."""
    with pytest.raises(ValueError, match="above 0"):
        lint(changed({}), 0.0)
