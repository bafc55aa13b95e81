"""Everything in a policy that is valid and probably a mistake.

Lints of the policy as a whole are here beside this file; those of one SLI are in its own file.
"""

from __future__ import annotations

from collections.abc import Iterator

from gates.advice.cohort_lints import COHORT_LINTS
from gates.advice.gap_lints import GAP_LINTS
from gates.advice.plan import plan
from gates.advice.policy_lints import POLICY_LINTS
from gates.advice.remarks import Remark
from gates.advice.stage_lints import STAGE_LINTS
from gates.advice.tolerance_lints import TOLERANCE_LINTS
from gates.advice.traffic_lints import TRAFFIC_LINTS
from gates.advice.useless_limits import LIMIT_LINTS
from gates.policy import Policy
from gates.slis.findings import LintContext

DEFAULT_BASE_ERROR = 0.001

LINTS = (*COHORT_LINTS, *POLICY_LINTS, *STAGE_LINTS, *LIMIT_LINTS, *TOLERANCE_LINTS)
"""Those of the policy as a whole."""


def lint(policy: Policy, rps: float | None = None, base_error: float = DEFAULT_BASE_ERROR) -> tuple[Remark, ...]:
    """Everything in a policy that is probably a mistake.

    With `rps`, requests a second of both cohorts, also what its stages cannot detect or reach at that traffic if the
    baseline has the error share `base_error`.

    Raises:
        ValueError: the traffic is not above 0, or the error share not between 0 and 1.
    """
    found = [remark for look in LINTS for remark in look(policy)]
    if rps is not None:
        stages = plan(policy, rps, base_error)
        found += [remark for look in (*TRAFFIC_LINTS, *GAP_LINTS) for remark in look(policy, stages, rps)]
    return (*found, *_of_slis(policy, rps))


def _of_slis(policy: Policy, rps: float | None) -> Iterator[Remark]:
    context = LintContext(policy.stages, policy.min_requests, policy.cohorts.candidate)
    for name, definition in policy.judged.items():
        place = ("checks", name) if name in policy.checks else (name,)
        for key, message in definition.lints(context):
            yield Remark((*place, key), message)
        if rps is not None:
            for key, message in definition.traffic_lints(context, rps):
                yield Remark((*place, key), message)
