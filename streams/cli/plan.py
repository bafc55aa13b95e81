"""`sluicegate plan`: what a policy can detect at a given traffic, estimated before a rollout."""

from __future__ import annotations

import click

from streams.cli.failures import WRONG_USE, Failure
from streams.cli.output import print_json, print_lines
from streams.cli.parameters import RateParameter, base_error_option
from streams.cli.policy_file import load_policy


@click.command()
@click.option("--policy", "policy_file", metavar="FILE", required=True, help="The policy; - is standard input.")
@click.option("--rps", type=RateParameter(), required=True, help="Requests per second of both cohorts together.")
@base_error_option("Share of the baseline's requests that fail.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the figures as one JSON document; times in seconds, null: never."
)
def plan(policy_file: str, rps: float, base_error: float, as_json: bool) -> None:
    """Estimate how soon each stage detects a regression, and how long a healthy candidate takes to pass it.

    Per stage and check: the median time to detect 1.5, 2 and 5 times the baseline's figure and a total failure, the
    time that 95% of cases need, the smallest regression detected within the bake, and the time to pass. Limits,
    min_events, windows, warm-up, passes, gaps between requests and orders count as in a worker. The estimates are good
    to about half of themselves; simulate shows more.

    Exits with 0, or with 1 if the plan has a fault: healthy candidates break a limit, a stage is never passed, or one
    is blind: its checks cannot detect even 10 times the baseline's figure within the bake, nor a total failure.
    """
    from gates.advice.plan import plan as plan_stages
    from streams.views.plan import plan_document, plan_faults, plan_lines

    policy = load_policy(policy_file)
    try:
        stages = plan_stages(policy, rps, base_error)
    except ValueError as error:
        raise Failure(str(error), WRONG_USE) from None
    if as_json:
        documents = [plan_document(stage) for stage in stages]
        print_json({"rollout": policy.rollout, "rps": rps, "base_error": base_error, "stages": documents})
    else:
        print_lines(list(plan_lines(policy, stages)))
    if faults := list(plan_faults(stages)):
        raise Failure("; ".join(faults))
