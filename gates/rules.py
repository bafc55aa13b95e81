"""The rules of judging, by number. An epoch keeps the rules that it began under.

A new release may judge the same telemetry in another way. A journal that was written before it must still fold to the
decisions that were published then, so each such change is one switch here, and a start in the journal has the number of
the rules that its epoch is judged by. A start without a number is of rules 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgingRules:
    """One switch for each change of judging; all are off in rules 1.

    `cohort_completeness`: completeness is that of the least complete cohort; before, it was the share of both cohorts'
    events that were not late. Events of the time before the start are late from half a minute after it on.
    `limit_asks_candidate_only`: a check with a limit alone needs no data of the baseline, and `ceiling` applies to the
    limit of a mean. `budget_by_error`: a budget is spent error by error, and a shared outage is not the candidate's.
    `requests_as_ordered`: a share of the requests far from the ordered weight is a doubt. Unreadable events without a
    cohort count as those of an unknown one.
    `approval_of_the_stage`: an approval ends with a pause or rollback, and a missing one does not time a stage out.
    `guarded_orders`: taking the traffic from a promoted candidate, and a policy with another owner or other cohorts,
    need a flag of the operator.
    `failing_needs_requests`: a check that rolls back begins to fail only on a pane with a request of the candidate.
    `shared_from_few`: a few bad events of the baseline show that a breach of a limit is shared, whatever `min_events`.
    `small_steps_are_confirmed`: an ack with weights that are as near to those before as to the order confirms nothing.
    `steady_holds`: a hold for missing telemetry or a doubt ends only once that has been over for a while, a second
    without a request ends no wait for a person, and silence does not bake.
    `blocks`: all bad events of one block of time count as one witness; before, each counted by itself.
    `paused_watch`: a pause pages for each graver cause that comes up meanwhile, reminds, and may have a deadline.
    `living_baseline`: the gate pauses instead of rolling back to a baseline without successful requests.
    """

    cohort_completeness: bool = False
    limit_asks_candidate_only: bool = False
    budget_by_error: bool = False
    requests_as_ordered: bool = False
    steady_holds: bool = False
    failing_needs_requests: bool = False
    shared_from_few: bool = False
    small_steps_are_confirmed: bool = False
    approval_of_the_stage: bool = False
    blocks: bool = False
    guarded_orders: bool = False
    paused_watch: bool = False
    living_baseline: bool = False


_SECOND = JudgingRules(
    cohort_completeness=True,
    limit_asks_candidate_only=True,
    budget_by_error=True,
    requests_as_ordered=True,
    steady_holds=True,
    failing_needs_requests=True,
    shared_from_few=True,
    small_steps_are_confirmed=True,
    approval_of_the_stage=True,
    guarded_orders=True,
    paused_watch=True,
    living_baseline=True,
)

RULES: Mapping[int, JudgingRules] = MappingProxyType(
    {
        1: JudgingRules(),
        2: _SECOND,
        3: replace(_SECOND, blocks=True),
    }
)
"""All rules that an epoch in some journal may have begun under."""

FIRST = 1
"""The rules of a start without a number."""

CURRENT = 3
"""The rules of a new epoch."""
