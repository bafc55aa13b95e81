"""`sluicegate why`: one decision, in plain words first, then its evidence."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click

from gates.text import count, e_value, figure, milliseconds, percent, significant_text
from streams.cli.running import Failure, kafka_options, kafka_settings, print_json, with_board
from streams.views.timeline import printable, weights_in_words

if TYPE_CHECKING:
    from streams.operator_client.status_view import StatusView

Document = Mapping[str, Any]

HAPPENED = {
    "start": "was started at stage {stage}",
    "advance": "advanced to stage {stage}",
    "hold": "was held at stage {stage}",
    "pause": "was paused at stage {stage}",
    "resume": "went on at stage {stage}",
    "rollback": "was rolled back at stage {stage}",
    "promote": "was promoted at stage {stage}",
}
"""What each action did to the rollout."""

MOST_NEAR = 5
"""So many near names are offered for one that is unknown."""

_WORD_WIDTH = 12


@click.command("why")
@click.argument("decision_id", metavar="DECISION_ID")
@click.option("--json", "as_json", is_flag=True, help="The decision's document, as it stands in its topic.")
@kafka_options
def why(decision_id: str, as_json: bool, **flags: str | None) -> None:
    """Say why DECISION_ID was decided (rollout:epoch:sequence, as `sluicegate rollout show ROLLOUT --json` has it).

    First in plain words: what, when, why, by whom, which weights. Then the evidence: verdicts with counts, rates and
    e-values, and where all of it is recorded.
    """
    board = read_board(flags)
    rollout = decision_id.rsplit(":", 2)[0]
    known = {decision["id"]: decision for decision in board.decisions(rollout)}
    if decision_id not in known:
        raise Failure(unknown_decision(decision_id, list(known), sorted(board.statuses)))
    if as_json:
        print_json(known[decision_id])
    else:
        click.echo("\n".join(decision_explained(known[decision_id])))


def read_board(flags: Mapping[str, object]) -> StatusView:
    """The board as of now, closed again."""

    async def read(board: StatusView) -> StatusView:
        return board

    return with_board(kafka_settings(flags), read)


def unknown_decision(wanted: str, ids: Collection[str], rollouts: Collection[str]) -> str:
    """What to say of an id that is not there: the near ones of its rollout, else the near rollouts.

    >>> unknown_decision("checkout-v2:1:9", ["checkout-v2:1:1", "checkout-v2:1:2"], ["checkout-v2"])
    'no decision checkout-v2:1:9; near: checkout-v2:1:2, checkout-v2:1:1'
    >>> unknown_decision("chekout-v2:1:9", [], ["checkout-v2", "search"])
    'no decision chekout-v2:1:9; rollouts: checkout-v2'
    """
    shown = printable(wanted)
    if ids:
        return f"no decision {shown}; near: {near(wanted, ids)}"
    return f"no decision {shown}; rollouts: {near(wanted.rsplit(':', 2)[0], rollouts)}"


def near(wanted: str, known: Collection[str]) -> str:
    """The names most like the wanted one, or, where none is like it, the last few.

    >>> near("x", []), near("serch", ["search", "cart"]), near("x", ["search", "cart"])
    ('none', 'search', 'search, cart')
    """
    alike = get_close_matches(wanted, known, MOST_NEAR) or list(known)[-MOST_NEAR:]
    return ", ".join(printable(name) for name in alike) or "none"


def decision_explained(decision: Document) -> list[str]:
    """The lines of `sluicegate why`: plain words, an empty line, the evidence."""
    return [*_plain_words(decision), "", *_evidence(decision)]


def _plain_words(decision: Document) -> Iterator[str]:
    action = printable(decision["action"])
    happened = HAPPENED.get(decision["action"], f"came to {action} at stage {{stage}}")
    stage = happened.format(stage=printable(decision["stage"]))
    yield f"{printable(decision['rollout'])} {stage} at {utc(decision['event_time'])}."
    yield f"Why: {printable(decision['reason'])}."
    by = decision.get("by")
    yield "The gate decided it by itself." if by is None else f"{printable(by)} ordered it."
    if approver := decision.get("approved_by"):
        yield f"{printable(approver)} approved the stage."
    yield f"It wants these weights: {weights_in_words(decision['weights'])}."
    if decision.get("escalate"):
        yield "A person is needed."


def _evidence(decision: Document) -> Iterator[str]:
    if not decision["checks"]:
        yield "No check had been judged by then."
    for check in decision["checks"]:
        yield from check_explained(check, decision["cohorts"])
    yield ""
    journal = decision["journal"]
    if combined := decision.get("combined"):
        together = (
            f"e-value {e_value(combined['e_value'])}, of {significant_text(combined['threshold'], 3)} to roll back"
        )
        yield _row("together", together)
    confidence = decision["confidence"]
    errs = f"{percent(confidence['rollback'])} of healthy rollouts at most, passes {percent(confidence['advance'])}"
    yield _row("confidence", f"rolls back {errs} of bad stages")
    yield _row("telemetry", f"{percent(decision['completeness'])} of it judged in time")
    yield _row("decision", f"{printable(decision['id'])} (epoch {decision['epoch']})")
    yield _row("journal", f"partition {journal['partition']}, offset {journal['offset']}")
    yield _row("policy", decision["policy_hash"])
    yield _row("contact", contact_in_words(decision.get("contact") or {}))


def check_explained(check: Document, cohorts: Document) -> Iterator[str]:
    """One check's verdict and, indented, its window, the figures of both cohorts and its e-values."""
    yield f"{printable(check['name'])}: {printable(check['verdict'])}"
    yield _row("  because", check["reason"])
    window = check["window"]
    yield _row("  window", f"{utc(window['start'])} to {utc(window['end'])}")
    for role in ("candidate", "baseline"):
        yield _row(f"  {role}", _figures(cohorts[role], check[role], check["unit"]))
    yield from _intervals(check)
    for words, value, threshold in (
        ("to roll back", "e_value", "threshold"),
        ("to advance", "advance_e_value", "advance_threshold"),
    ):
        if check.get(value) is not None and check.get(threshold) is not None:
            yield _row("  e-value", f"{e_value(check[value])}, of {significant_text(check[threshold], 3)} {words}")


def _figures(name: str, measured: Document, unit: str) -> str:
    shown, sample = printable(name), count(measured["requests"])
    if measured["value"] is None:
        return f"{shown} without a figure ({sample} requests)"
    value = f"{shown} {figure(measured['value'], unit)}"
    return f"{value} ({count(measured['errors'])} of {sample})" if "errors" in measured else f"{value} over {sample}"


def _intervals(check: Document) -> Iterator[str]:
    """The 95 % interval of the ratio, or of each cohort's quantile, where the decision has one."""
    if ratio := check.get("ratio"):
        lower, estimate, upper = (significant_text(ratio[end], 3) for end in ("lower", "estimate", "upper"))
        yield _row("  ratio", f"about {estimate} times the baseline's, {lower} to {upper} (95 %, at all times)")
    for name, ends in (check.get("quantile") or {}).items():
        if ends is not None:
            upper = "no end" if ends[1] is None else milliseconds(ends[1])
            yield _row("  interval", f"{printable(name)} {milliseconds(ends[0])} to {upper} (95 %)")


def contact_in_words(contact: Document) -> str:
    """Whom to ask and where to read.

    >>> contact_in_words({"owner": "payments", "runbook": "https://wiki.example/x", "labels": {"tier": "1"}})
    'payments, https://wiki.example/x, tier=1'
    """
    labels = [f"{word}={value}" for word, value in contact.get("labels", {}).items()]
    return ", ".join(part for part in (contact.get("owner"), contact.get("runbook"), *labels) if part) or "none given"


def utc(ms: int) -> str:
    """A moment of event time with its date, in UTC; fractions of a second only where there are any.

    >>> utc(1767225630000), utc(1767225630250)
    ('2026-01-01 00:00:30Z', '2026-01-01 00:00:30.250Z')
    """
    text = datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"{text}.{ms % 1000:03d}Z" if ms % 1000 else f"{text}Z"


def _row(word: str, text: object) -> str:
    return f"{word:<{_WORD_WIDTH}} {printable(text)}"
