"""What definitions build their checks from: which rule for evidence, and what it assumes."""

from __future__ import annotations

import pytest

from gates.evidence_view import Thresholds
from gates.rules import RULES
from gates.slis.check_context import CheckContext, Starts
from gates.stats.block_evidence import BlockRule
from gates.stats.mixture import START_BLOCK
from tests.gates.pane_builders import policy


def context(dispersion: float | None = None, rules: int = 3, panes: int = 3_600) -> CheckContext:
    """The context of a policy with one check."""
    thresholds = {"errors": Thresholds(rollback=200.0, advance=20.0)}
    starts = Starts(panes=panes, pane_s=1.0, weight=0.05)
    return CheckContext(policy().cohorts, thresholds, dispersion, starts, {}, RULES[rules])


@pytest.mark.parametrize(
    ("dispersion", "rules", "in_blocks"),
    [(None, 3, True), (4.0, 3, True), (1.0, 3, False), (None, 2, False), (4.0, 1, False)],
)
def test_blocks_judge_unless_the_epoch_or_the_policy_says_otherwise(
    dispersion: float | None,
    rules: int,
    in_blocks: bool,
) -> None:
    """An epoch of earlier rules keeps them, and a policy may state that errors are independent."""
    assert context(dispersion, rules).in_blocks is in_blocks


def test_a_rule_has_the_threshold_of_its_check_and_the_starts_of_the_rollout() -> None:
    """Nothing is left to defaults but what a share and a quantile differ in."""
    share = context().block_rule("errors", 1.25, catastrophe=True)
    assert share == BlockRule(1.25, 3_600, 1.0, 0.05, 200.0, catastrophe=True, least_bad=0.0)
    latency = context().block_rule("errors", 1.0, catastrophe=False, least_bad=0.05)
    assert (latency.catastrophe, latency.least_bad) == (False, 0.05)


@pytest.mark.parametrize(("panes", "blocks"), [(3_600, 3_600 // START_BLOCK), (1, 1)])
def test_starts_in_steps_are_the_same_time(panes: int, blocks: int) -> None:
    """At least one."""
    assert context(panes=panes).start_blocks == blocks
