"""What a comparison can detect at a given traffic, and how soon: for plans, and beside each live check.

All times are seconds, all shares are from 0 to 1, and evidence is in nats (natural logarithms of an e-value).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil, inf, log

from gates.advice.detection import BlockDetection, Delay, EventDetection
from gates.comparison.joint_test import JointTest
from gates.policy import Policy
from gates.policy.checks import joint_test_of
from gates.rules import CURRENT, RULES, JudgingRules
from gates.slis.definition import CheckDefinition
from gates.stats.block_power import time_to_pass
from gates.stats.power import LARGEST_EFFECT, Traffic, alone_growth, smallest_effect
from gates.verdicts import Measurement, Verdict, significant

EFFECTS = (1.5, 2.0, 5.0)
"""The regressions that plans and statuses report, as multiples of the baseline's figure."""

_WORDS = {times: f"x{times:g}" for times in EFFECTS}

LEAST_SO_FAR = 1e-6
"""A smaller e-value for an advance counts as this one: what led to it need not last."""

_GRID = tuple(round(1.05 * 1.05**step, 3) for step in range(ceil(log(LARGEST_EFFECT / 1.05) / log(1.05)) + 1))


@dataclass(frozen=True, slots=True)
class Detectability:
    """What one comparison detects, and when it passes.

    `delay` gives the seconds to detect a candidate by its multiple of the baseline, `passing` those until one like
    the baseline has gathered the given nats for an advance; both are calculated only when asked for. `rollback` and
    `advance` are the e-values needed. `of_errors` is true for a share of bad events, which can be all of them at worst.
    """

    delay: Callable[[float], Delay]
    passing: Callable[[float, float | None], float]
    rollback: float
    advance: float
    of_errors: bool = False

    def median(self, times: float) -> float:
        """Median seconds to detect a candidate whose figure is `times` the baseline's; infinite for never."""
        return self.delay(times).median

    def p95(self, times: float) -> float:
        """The seconds that suffice in 95 of 100 cases."""
        return self.delay(times).p95

    def medians(self) -> dict[float, float]:
        """Median seconds to detect each of `EFFECTS`; infinite where it never will."""
        return {times: self.median(times) for times in EFFECTS}

    def smallest(self, within_s: float) -> float | None:
        """The smallest effect whose median time is at most `within_s`; None if there is none."""
        return smallest_effect({times: self.median(times) for times in _GRID}, within_s)

    def passes(self, so_far: float = 1.0, phi: float | None = None) -> float:
        """Seconds until the comparison passes when all is well, from the e-value `so_far`; infinite for never.

        `phi` divides the evidence, as far as it is known.
        """
        if so_far >= self.advance:
            return 0.0
        return self.passing(log(self.advance / max(so_far, LEAST_SO_FAR)), phi)


def detectability(
    policy: Policy,
    name: str,
    definition: CheckDefinition,
    traffic: Traffic,
    base: float | None,
    *,
    new: bool = False,
    rules: JudgingRules = RULES[CURRENT],
) -> Detectability | None:
    """What the check detects at this traffic, if the baseline's share of bad events is `base`.

    None for a check that does not compare, without traffic, without a baseline, and where `base` is needed but unknown.
    At a `new` rollout phi is not measured yet, so the prior applies at first.
    """
    return _detectability(policy, joint_test_of(policy), name, definition, traffic, base, new=new, rules=rules)


def _detectability(
    policy: Policy,
    joint_test: JointTest,
    name: str,
    definition: CheckDefinition,
    traffic: Traffic,
    base: float | None,
    *,
    new: bool = False,
    rules: JudgingRules,
) -> Detectability | None:
    compared = definition.compared
    if compared is None or traffic.share >= 1.0 or not traffic.rps > 0.0:
        return None
    if compared.quantile is None and (base is None or not 0.0 < base < 1.0):
        return None
    thresholds = joint_test.thresholds(name, policy.confidence.advance)
    if rules.blocks and policy.confidence.dispersion != 1.0:
        known = BlockDetection(policy, compared, traffic, base or 0.0, new=new)
        delay, passing = partial(known.delay, threshold=thresholds.rollback), known.passing
    else:
        events = EventDetection(policy, compared, traffic, base or 0.0, new=new, rules=rules)
        delay, passing = partial(events.delay, threshold=thresholds.rollback), events.passing
    return Detectability(delay, passing, thresholds.rollback, thresholds.advance, of_errors=compared.quantile is None)


def passes_alone(policy: Policy, definition: CheckDefinition, traffic: Traffic, base: float, objective: float) -> float:
    """Seconds until a candidate like the baseline passes alone, with all the traffic, against the share `objective`."""
    well, compared = alone_growth(traffic.rps * traffic.share, base, objective), definition.compared
    if compared is None or well <= 0.0:
        return inf
    nats = log(1.0 / policy.confidence.advance)
    never_compared = policy.stages[0].weight >= 1.0  # so phi was never measured
    return time_to_pass(well, nats, policy.confidence.dispersion, 0.0, new=never_compared)


def live_passes(
    policy: Policy,
    joint_test: JointTest,
    stage: int,
    rps: float,
    verdicts: Sequence[Verdict],
    rules: JudgingRules = RULES[CURRENT],
) -> dict[str, float | None]:
    """By comparing check, the seconds until it passes at the current `rps` if the candidate is like the baseline.

    None stands for never. Requests that are missing for `min_requests` are not counted here.
    """
    out: dict[str, float | None] = {}
    proves = policy.stages[stage].proves
    for verdict, found in _live(policy, joint_test, stage, rps, verdicts, rules):
        if verdict.advance_e_value is not None:
            seconds = found.passes(verdict.advance_e_value, verdict.phi) if proves else 0.0
            out[verdict.name] = None if seconds == inf else round(seconds, 1)
    return out


def live_detection(
    policy: Policy,
    joint_test: JointTest,
    stage: int,
    rps: float,
    verdicts: Sequence[Verdict],
    rules: JudgingRules = RULES[CURRENT],
) -> dict[str, dict[str, float | None]]:
    """By comparing check, at the current `rps` of both cohorts: the median seconds to detect each of `EFFECTS`.

    None stands for never. `verdicts` are those of the last pane; the baseline's figures come from there.
    """
    return {
        verdict.name: {_WORDS[times]: None if s == inf else round(s, 1) for times, s in found.medians().items()}
        for verdict, found in _live(policy, joint_test, stage, rps, verdicts, rules)
    }


def _live(
    policy: Policy, joint_test: JointTest, stage: int, rps: float, verdicts: Sequence[Verdict], rules: JudgingRules
) -> Iterator[tuple[Verdict, Detectability]]:
    """The verdicts of comparing checks, each with what the check detects at the present traffic."""
    traffic = Traffic(_coarse(rps), policy.stages[stage].weight)
    for verdict in verdicts:
        definition = policy.checks.get(verdict.name)
        if definition is None:
            continue
        base = _base(definition, verdict.baseline)
        found = _detectability(policy, joint_test, verdict.name, definition, traffic, base, rules=rules)
        if found is not None:
            yield verdict, found


def _base(definition: CheckDefinition, baseline: Measurement) -> float | None:
    """The baseline's share of bad events, from its verdict; half an event where it had none yet."""
    if baseline.value is None or not baseline.requests or definition.compared is None:
        return None
    value = significant(baseline.value)  # as published, so that a reader of the status can repeat the calculation
    return _coarse(min(max(definition.compared.bad_share(value), 0.5 / baseline.requests), 1.0 - 1e-9))


def _coarse(value: float) -> float:
    """To two digits: an estimate is no better, and what was calculated for the last pane applies to the next."""
    return float(f"{value:.2g}")
