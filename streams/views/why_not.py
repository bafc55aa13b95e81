"""What a rollout still needs to advance, each in one line."""

from __future__ import annotations

from collections.abc import Iterator

from streams.views.blocks import look_lines
from streams.views.orders import is_confirmed, unconfirmed_text
from streams.views.remaining import check_left, cohorts_needed, events_left, passes_left
from streams.views.telemetry import incomplete_cohorts
from streams.views.why import advance_evidence, check_lines, labelled_rows
from streams.views.wording import (
    AHEAD_MS,
    Document,
    freeze_text,
    phase_name,
    printable,
    stage_progress,
    stale_after,
    utc,
    whole_seconds,
)

ENDS = {
    "promoted": "it has all the traffic, so there is no further stage",
    "rolled_back": "it does not advance any more; `sluicegate rollout start FILE` starts it again",
}


def status_lines(status: Document, now: int) -> list[str]:
    """The lines of `sluicegate why-not`; `now` is wall-clock milliseconds since the epoch."""
    name, end = printable(status["rollout"]), ENDS.get(status["phase"])
    if end is not None:
        return [*_end(name, status, end), *_last_decision(status)]
    until = utc(status["event_time"])
    lines = [f"{name} is {phase_name(status)} at {stage_progress(status)}, judged until {until}."]
    lines += _last_decision(status)
    missing = list(missing_conditions(status, now))
    if missing:
        lines += ["", f"To {_goal(status)} it still needs:", *(f"- {each}" for each in missing)]
    else:
        lines += ["", f"Nothing is missing: at the next judged pane it can {_goal(status)}."]
    for check in _checks_to_pass(status):
        lines += ["", *check_lines(check, status["cohorts"])]
        lines += labelled_rows("  next look", look_lines(status, check))
    return lines


def _end(name: str, status: Document, end: str) -> Iterator[str]:
    """The end, as far as it is confirmed: a decision alone moves no traffic."""
    if is_confirmed(status):
        yield f"{name} is {phase_name(status)}: {end}."
    else:
        yield f"{name} is {phase_name(status)}, but lacks {unconfirmed_text(status)}."
        yield "Actual weights are unknown: check the actuators and the router."


def _last_decision(status: Document) -> Iterator[str]:
    if status["decision"] is not None:
        yield f"Last decision: {printable(status['decision'])}: {printable(status['reason'])}."


def _goal(status: Document) -> str:
    following = status["stages"][status["stage_index"] + 1 :]
    return f"advance to stage {printable(following[0]['name'])}" if following else "be promoted"


def missing_conditions(status: Document, now: int) -> Iterator[str]:
    """What the rollout needs to advance; where it has ended, at most the confirmation of its end.

    The order is that in which a person has to act: nothing below "resume" helps while the rollout is paused, and
    nothing below "a running worker" changes while none runs.
    """
    if status["phase"] in ENDS:
        yield from _confirmation(status)
        return
    yield from _paused(status)
    if now - status["event_time"] >= stale_after(status):
        silent = whole_seconds(now - status["event_time"])
        hint = "check sluicegate worker (/readyz) and that events arrive"
        yield f"a running worker: nothing has been judged for {silent}; {hint}"
    if (ahead := status["event_time"] - now) >= AHEAD_MS:
        hint = "a worker's clock or this one is wrong (docs/reliability.md#wrong-clocks-of-workers)"
        yield f"a right clock: it is judged up to {whole_seconds(ahead)} ahead of the clock here; {hint}"
    yield from _held(status)
    yield from _confirmation(status)
    for cohort, incomplete in incomplete_cohorts(status):
        yield f"complete telemetry of {incomplete}{events_left(status, cohort)}"
    yield from _silent_cohorts(status)
    left = status["bake_ms"] - status["baked_ms"]
    if left > 0:
        done = f"{whole_seconds(status['baked_ms'])} of {whole_seconds(status['bake_ms'])} done"
        yield f"{_seconds_up(left)} more of bake ({done})"
    if not status["checks"]:
        yield "a first verdict: no pane of this stage has been judged yet"
    for check in _checks_to_pass(status):
        wanted = f"{printable(check['name'])} must pass (now {printable(check['verdict'])})"
        yield f"{wanted}: {_shortfall(check)}{check_left(status, check)}"
    for doubt in status["doubts"]:
        yield f"a trustworthy split of traffic: {printable(doubt)}"
    yield from _passes(status)
    yield from _approval(status)
    if freeze := freeze_text(status):
        yield f"the end of the freeze: {freeze}"


def _paused(status: Document) -> Iterator[str]:
    if status["phase"] == "paused":
        command = f"sluicegate rollout resume {printable(status['rollout'])}"
        yield f"resume: the rollout is paused ({printable(status['reason'])}): {command}"


def _confirmation(status: Document) -> Iterator[str]:
    if not is_confirmed(status):
        yield unconfirmed_text(status)


def _passes(status: Document) -> Iterator[str]:
    passes = status["passes"]
    if passes["needed"] > 1 and passes["so_far"] < passes["needed"]:
        so_far = f"{passes['so_far']}, needs {passes['needed']}{passes_left(status)}"
        yield f"consecutive panes on which every check passes: {so_far}"


def _approval(status: Document) -> Iterator[str]:
    approval = status["approval"]
    if approval["needed"] and approval["by"] is None:
        # the gate refuses an approval while the rollout is paused
        after = ", after the resume" if status["phase"] == "paused" else ""
        yield f"approval{after}: sluicegate rollout approve {printable(status['rollout'])}"


def _checks_to_pass(status: Document) -> list[Document]:
    """The checks that must pass and do not; advisory and dry-run checks hold nothing up."""
    required = (check for check in status["checks"] if check["severity"] in ("critical", "standard"))
    return [check for check in required if check["verdict"] != "PASS"]


def _held(status: Document) -> Iterator[str]:
    """The reason of a hold, unless its cause is listed by itself, with the figures of now: the reason's are of then."""
    if status["decision"] is not None and status.get("cause") in set(_listed(status)):
        return
    stage = status["stage"]
    baked = str(status["reason"]).startswith((f"{stage} baked ", f"stage {stage} has baked "))
    if status["phase"] == "held" and not (baked and _checks_to_pass(status)):
        yield f"the end of the hold: {printable(status['reason'])}"


def _listed(status: Document) -> Iterator[str]:
    """The causes of a hold that have a line of their own."""
    if not is_confirmed(status):
        yield "unconfirmed"
    if any(incomplete_cohorts(status)):
        yield "incomplete"
    yield "frozen"


def _silent_cohorts(status: Document) -> Iterator[str]:
    """Cohorts without requests; with all traffic at the candidate, the baseline may be silent."""
    for name in cohorts_needed(status):
        figures = status["slis"].get(name)
        if figures is not None and figures["requests"] == 0:
            yield f"requests of {printable(name)}: none in the last {whole_seconds(figures['window_ms'])}"


def _shortfall(check: Document) -> str:
    """Why the check does not pass, with its e-value if the reason does not have it."""
    reason = printable(check["reason"]).removeprefix(f"{printable(check['name'])}: ")
    found, needed = check.get("advance_e_value"), check.get("advance_threshold")
    if found is None or needed is None or found >= needed or check["verdict"] == "FAIL" or "e-value" in reason:
        return reason
    return f"{reason}; e-value {advance_evidence(found, needed)}"


def _seconds_up(ms: int) -> str:
    """A remaining duration to the second, rounded up, so that it is never shown as zero."""
    return whole_seconds(ms + 999)
