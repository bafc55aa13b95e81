"""What checks on a quantile have in common: their evidence, the rule for `ratio`, and the lints."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from gates.comparison.blocks import AdvanceBound, Blocks
from gates.comparison.count_evidence import CountEvidence
from gates.comparison.distributions import Scale
from gates.comparison.quantiles import MIN_TAIL, TRAILING_MS, QuantileComparison
from gates.comparison.single_events import SingleEvents
from gates.documents.readers import read_quantile, readable
from gates.slis.check_context import CheckContext
from gates.slis.compared_definition import ComparedCheck
from gates.slis.definition import sample_of
from gates.slis.findings import Fields, Finding, LintContext, traffic_text
from gates.stats.advance_sums import MarginRange
from gates.stats.exceedance import Exceedance

LOWEST_COMPARED = 0.25
"""Below it most values lie beyond the threshold, and their number hardly changes with the candidate."""


def quantile_evidence(
    name: str, definition: ComparedCheck, context: CheckContext, scale: Scale
) -> QuantileComparison | None:
    """The evidence of a check on a quantile; None where it does not compare."""
    if definition.ratio is None:
        return None
    evidence: CountEvidence
    if context.in_blocks:
        # The ratio is in the thresholds that values are counted by, so the counts are compared one to one.
        rule = context.block_rule(name, 1.0, catastrophe=False, least_bad=1.0 - scale.quantile)
        evidence = Blocks(rule, AdvanceBound(1.0, MarginRange(0.0, 0.0)), stated=context.dispersion)
    else:
        worse = Exceedance.regression(scale.quantile, context.start_blocks)
        evidence = SingleEvents(worse, partial(Exceedance.advance, scale.quantile))
    sample, trailing = sample_of(definition.traffic), context.trailing[definition.traffic]
    return QuantileComparison(
        context.cohorts, scale, sample, definition.ratio, trailing, evidence, atoms=context.rules.blocks
    )


def comparable_rule(fields: Fields, *, higher_is_better: bool) -> Iterator[Finding]:
    """Yield a quantile so far on the good side that a comparison could not see it move."""
    quantile = readable(read_quantile, fields.get("quantile"))
    if "ratio" not in fields or quantile is None:
        return
    if (1.0 - quantile if higher_is_better else quantile) < LOWEST_COMPARED:
        bound = f"at most {1.0 - LOWEST_COMPARED}" if higher_is_better else f"at least {LOWEST_COMPARED}"
        yield Finding("quantile", f"{quantile} cannot be compared by `ratio`; write {bound}, such as 0.5")


def without_tail(definition: ComparedCheck, context: LintContext, rps: float) -> Iterator[Finding]:
    """Yield a comparison that never begins, because the baseline's last minute has too few values beyond the quantile.

    Then the check never PASSes.
    """
    quantile = definition.compared_quantile
    if quantile is None or not definition.comparing or not definition.required or definition.traffic == "synthetic":
        return
    most = rps * TRAILING_MS / 1000.0 * (1.0 - quantile)
    stages = [stage.name for stage in context.stages if stage.weight < 1.0 and most * (1.0 - stage.weight) < MIN_TAIL]
    if stages:
        yield Finding(
            "quantile",
            f"the check cannot pass in stage {' and '.join(stages)}: at {traffic_text(rps)}, the baseline has fewer "
            f"than {MIN_TAIL} values a minute beyond the quantile; write one nearer to 0.5",
        )
