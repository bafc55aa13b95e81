"""One decision explained: a summary in sentences, then the evidence."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from gates.text import count, e_value, figure, milliseconds, percent, significant_text
from streams.views.blocks import block_lines
from streams.views.orders import confirmation_text
from streams.views.wording import Document, printable, similar, utc, weights_text

HAPPENED = {
    "start": "was started at stage {stage}",
    "advance": "advanced to stage {stage}",
    "hold": "was held at stage {stage}",
    "pause": "was paused at stage {stage}",
    "resume": "was resumed at stage {stage}",
    "rollback": "was rolled back at stage {stage}",
    "promote": "was promoted at stage {stage}",
}
"""What each action did to the rollout."""

RATIO_ASSUMES = "if the ratio is constant and errors hang together for less than 30 s"
QUANTILE_COVERS = "95% at this look, for the requests of this window"

_LABEL_WIDTH = 12


def unknown_decision(wanted: str, ids: Collection[str], rollouts: Collection[str]) -> str:
    """The message for an unknown id: similar ids of its rollout or, if the rollout is unknown, similar rollouts.

    >>> unknown_decision("checkout-v2:1:9", ["checkout-v2:1:1", "checkout-v2:1:2"], ["checkout-v2"])
    'no decision checkout-v2:1:9; similar: checkout-v2:1:2, checkout-v2:1:1'
    >>> unknown_decision("chekout-v2:1:9", [], ["checkout-v2", "search"])
    'no decision chekout-v2:1:9; rollouts: checkout-v2'
    """
    if ids:
        return f"no decision {printable(wanted)}; similar: {similar(wanted, ids)}"
    return f"no decision {printable(wanted)}; rollouts: {similar(wanted.rsplit(':', 2)[0], rollouts)}"


def decision_lines(decision: Document, status: Document | None = None) -> list[str]:
    """The lines of `sluicegate why`: the summary, an empty line, the evidence.

    `status` is the rollout's newest, which has who confirmed the newest order.
    """
    return [*_summary(decision, status), "", *_evidence(decision)]


def _summary(decision: Document, status: Document | None) -> Iterator[str]:
    action = printable(decision["action"])
    happened = HAPPENED.get(decision["action"], f"had the action {action} at stage {{stage}}")
    stage = happened.format(stage=printable(decision["stage"]))
    yield f"{printable(decision['rollout'])} {stage} at {utc(decision['event_time'])}."
    yield f"Reason: {printable(decision['reason'])}."
    by = decision.get("by")
    yield "Decided by: the gate (no operator)." if by is None else f"Decided by: operator {printable(by)}."
    if approver := decision.get("approved_by"):
        yield f"Stage approved by: {printable(approver)}."
    yield f"Ordered weights: {weights_text(decision['weights'])}."
    if status is not None:
        yield f"Confirmation: {_confirmation(decision, status)}."
    yield f"Needs a person: {'yes' if decision.get('escalate') else 'no'}."


def _confirmation(decision: Document, status: Document) -> str:
    """Whether the decision's weights are confirmed. A status describes the newest order only."""
    order = status.get("order")
    if order is None:
        return confirmation_text(status)
    newest = int(str(order["id"]).rsplit(":", 1)[1])
    if (decision["epoch"], decision["sequence"]) < (status["epoch"], newest):
        return f"a newer order, {printable(order['id'])}, has replaced this one; the audit log has the acks of both"
    return confirmation_text(status)


def _evidence(decision: Document) -> Iterator[str]:
    if not decision["checks"]:
        yield "No check had a verdict yet."
    for check in decision["checks"]:
        yield from check_lines(check, decision["cohorts"])
    yield ""
    if combined := decision.get("combined"):
        yield _row("combined", _rollback_evidence(combined["e_value"], combined["threshold"]))
    yield _row("error bounds", _error_bounds(decision["confidence"]))
    yield _row("telemetry", f"{percent(decision['completeness'])} complete")
    yield _row("decision", f"{printable(decision['id'])} (epoch {decision['epoch']})")
    journal = decision["journal"]
    yield _row("journal", f"partition {journal['partition']}, offset {journal['offset']}")
    yield _row("policy", decision["policy_hash"])
    yield _row("contact", contact_text(decision.get("contact") or {}))


def _error_bounds(confidence: Document) -> str:
    rollback, advance = percent(confidence["rollback"]), percent(confidence["advance"])
    return f"false rollback: at most {rollback} of rollouts; false advance: at most {advance} of stages, per comparison"


def check_lines(check: Document, cohorts: Document) -> Iterator[str]:
    """One check's verdict and, indented, its window, the figures of both cohorts, its e-values and what made them."""
    yield f"{printable(check['name'])}: {printable(check['verdict'])}"
    yield _row("  reason", check["reason"])
    window = check["window"]
    yield _row("  window", f"{utc(window['start'])} to {utc(window['end'])}")
    for role in ("candidate", "baseline"):
        yield _row(f"  {role}", _measured(cohorts[role], check[role], check["unit"]))
    yield from _intervals(check, cohorts)
    if check.get("e_value") is not None and check.get("threshold") is not None:
        yield _row("  e-value", _rollback_evidence(check["e_value"], check["threshold"]))
    if check.get("advance_e_value") is not None and check.get("advance_threshold") is not None:
        yield _row("  e-value", f"{advance_evidence(check['advance_e_value'], check['advance_threshold'])} to advance")
    yield from labelled_rows("  blocks", block_lines(check, cohorts))


def _rollback_evidence(found: float, threshold: float) -> str:
    return f"{e_value(found)}, rolls back at {significant_text(threshold, 3)}"


def advance_evidence(found: float, threshold: float) -> str:
    """An e-value beside the one that an advance needs.

    >>> advance_evidence(10.42, 20)
    '10.4, needs 20'
    """
    return f"{e_value(found)}, needs {significant_text(threshold, 3)}"


def _measured(cohort: str, measured: Document, unit: str) -> str:
    name, requests = printable(cohort), count(measured["requests"])
    if measured["value"] is None:
        return f"{name}: no value ({requests} requests)"
    sample = f"{count(measured['errors'])} of {requests}" if "errors" in measured else requests
    return f"{name} {figure(measured['value'], unit)} ({sample} requests)"


def _intervals(check: Document, cohorts: Document) -> Iterator[str]:
    """The interval of the ratio, or of each cohort's quantile, where the decision has one."""
    if ratio := check.get("ratio"):
        estimate = significant_text(ratio["estimate"], 2)
        lower, upper = significant_text(ratio["lower"], 2), significant_text(ratio["upper"], 2)
        names = f"{printable(cohorts['candidate'])} / {printable(cohorts['baseline'])}"
        note = f"95% confidence sequence: {lower} to {upper}, {RATIO_ASSUMES}; for information, not used in the verdict"
        yield _row("  ratio", f"{names} = {estimate} ({note})")
    # Without a comparison nothing measures how slow requests come together.
    note = QUANTILE_COVERS if check.get("e_value") is not None else f"{QUANTILE_COVERS}, if they are independent"
    for name, ends in (check.get("quantile") or {}).items():
        if ends is not None:
            yield _row("  interval", f"{printable(name)} {_quantile_interval(ends)} ({note})")


def _quantile_interval(ends: tuple[float, float | None]) -> str:
    lower, upper = ends
    if upper is None:
        return f"at least {milliseconds(lower)}, upper end unknown"
    return f"{milliseconds(lower)} to {milliseconds(upper)}"


def contact_text(contact: Document) -> str:
    """Owner, runbook and labels of the policy.

    >>> contact_text({"owner": "payments", "runbook": "https://wiki.example/x", "labels": {"tier": "1"}})
    'payments, https://wiki.example/x, tier=1'
    """
    labels = [f"{name}={value}" for name, value in contact.get("labels", {}).items()]
    return ", ".join(part for part in (contact.get("owner"), contact.get("runbook"), *labels) if part) or "none"


def labelled_rows(label: str, lines: Iterable[str]) -> Iterator[str]:
    """Lines under one label, which stands beside the first."""
    for index, line in enumerate(lines):
        yield _row("" if index else label, line)


def _row(label: str, text: object) -> str:
    return f"{label:<{_LABEL_WIDTH}} {printable(text)}"
