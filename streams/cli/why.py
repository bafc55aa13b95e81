"""`sluicegate why`: one decision, its reason and its evidence."""

from __future__ import annotations

import click

from streams.cli.configuration import kafka_options
from streams.cli.connection import read_status_view
from streams.cli.failures import Failure
from streams.cli.output import print_json, print_lines


@click.command("why")
@click.argument("decision_id", metavar="DECISION_ID")
@click.option("--json", "as_json", is_flag=True, help="Print the decision as it is on its topic.")
@kafka_options
def why(decision_id: str, as_json: bool, **flags: str | None) -> None:
    """Explain DECISION_ID, which is rollout:epoch:sequence; `sluicegate rollout show ROLLOUT --json` lists ids.

    Prints a summary (what, when, the reason, by whom, which weights, who confirmed them), then the evidence: verdicts
    with counts, rates and e-values, the blocks of time that made the evidence against the candidate, and where the
    decision is recorded.
    """
    from streams.views.why import decision_lines, unknown_decision

    view = read_status_view(flags)
    rollout = decision_id.rsplit(":", 2)[0]
    known = {decision["id"]: decision for decision in view.decisions(rollout)}
    if decision_id not in known:
        raise Failure(unknown_decision(decision_id, list(known), sorted(view.statuses)))
    if as_json:
        print_json(known[decision_id])
    else:
        print_lines(decision_lines(known[decision_id], view.statuses.get(rollout)))
