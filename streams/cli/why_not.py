"""`sluicegate why-not`: what a rollout still lacks to advance, in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from gates.text import e_value, significant_text
from streams.cli.running import Failure, kafka_options, print_json
from streams.cli.why import check_explained, near, read_board, utc
from streams.views.timeline import phase_in_words, printable, stage_in_words, weights_in_words, whole_seconds

Document = Mapping[str, Any]

STALE_MS = 60_000
"""A gate that has judged nothing for so long is said to have stopped: it judges each second while it runs."""

ENDS = {
    "promoted": "it has all the traffic, there is nothing to advance to",
    "rolled_back": "it does not advance any more; `sluicegate rollout start FILE` begins anew",
}


@click.command("why-not")
@click.argument("rollout", metavar="ROLLOUT")
@click.option("--json", "as_json", is_flag=True, help='One JSON object: {"status": ..., "lacking": [...]}.')
@kafka_options
def why_not(rollout: str, as_json: bool, **flags: str | None) -> None:
    """Say why ROLLOUT has not advanced: what it still lacks, in plain words and numbers.

    That is the rest of its bake, checks that do not pass, weights that nobody has confirmed, cohorts that are silent,
    an operator's word; or nothing.
    """
    from streams.clock import wall_ms

    board = read_board(flags)
    status = board.statuses.get(rollout)
    if status is None:
        raise Failure(f"no rollout {printable(rollout)}; known: {near(rollout, sorted(board.statuses))}")
    now = wall_ms()
    if as_json:
        print_json({"status": status, "lacking": list(lacking(status, now))})
    else:
        click.echo("\n".join(status_explained(status, now)))


def status_explained(status: Document, now: int) -> list[str]:
    """The lines of `sluicegate why-not`; `now` is wall-clock milliseconds since the epoch."""
    name, end = printable(status["rollout"]), ENDS.get(status["phase"])
    if end is not None:
        return [f"{name} is {phase_in_words(status)}: {end}.", *_last_decision(status)]
    heading = (
        f"{name} is {phase_in_words(status)} at {stage_in_words(status)}, judged until {utc(status['event_time'])}"
    )
    lines = [f"{heading}.", *_last_decision(status)]
    missing = list(lacking(status, now))
    if missing:
        lines += ["", f"To {_goal(status)} it lacks:", *(f"- {each}" for each in missing)]
    else:
        lines += ["", f"It lacks nothing: the next pane that is judged lets it {_goal(status)}."]
    for check in _unpassed(status):
        lines += ["", *check_explained(check, status["cohorts"])]
    return lines


def _last_decision(status: Document) -> Iterator[str]:
    if status["decision"] is not None:
        yield f"Last decision: {printable(status['decision'])}, because {printable(status['reason'])}."


def _goal(status: Document) -> str:
    following = status["stages"][status["stage_index"] + 1 :]
    return f"advance to stage {printable(following[0]['name'])}" if following else "be promoted"


def lacking(status: Document, now: int) -> Iterator[str]:
    """What the rollout lacks to advance, each in a line, the gravest first; nothing where it has ended."""
    if status["phase"] in ENDS:
        return
    if status["phase"] == "paused":
        again = f"sluicegate rollout resume {printable(status['rollout'])}"
        yield f"an operator's word: it is paused ({printable(status['reason'])}); `{again}` lets it go on"
    if now - status["event_time"] >= STALE_MS:
        silent = whole_seconds(now - status["event_time"])
        yield f"a gate at work: nothing has been judged for {silent}; is a worker running, is its telemetry arriving?"
    yield from _held(status)
    if not status["confirmed"]:
        yield f"an actuator's word that the weights are in force: {weights_in_words(status['weights'])}"
    yield from _silence(status)
    left = status["bake_ms"] - status["baked_ms"]
    if left > 0:
        baked = f"{whole_seconds(status['baked_ms'])} of {whole_seconds(status['bake_ms'])}"
        yield f"{_seconds_up(left)} of bake: {baked} done"
    if not status["checks"]:
        yield "verdicts: no pane of this stage has been judged yet"
    for check in _unpassed(status):
        yield f"a PASS of {printable(check['name'])}, which is {printable(check['verdict'])}: {_shortfall(check)}"
    for doubt in status["doubts"]:
        yield f"data to be trusted: {printable(doubt)}"
    passes, approval = status["passes"], status["approval"]
    if passes["needed"] > 1 and passes["so_far"] < passes["needed"]:
        yield f"panes in a row on which all is well: {passes['so_far']} of {passes['needed']}"
    if approval["needed"] and approval["by"] is None:
        yield f"a person's approval: `sluicegate rollout approve {printable(status['rollout'])}`"


def _unpassed(status: Document) -> list[Document]:
    """The checks that must PASS and do not; advisory and dry-run ones hold nobody up."""
    required = (check for check in status["checks"] if check["severity"] in ("critical", "standard"))
    return [check for check in required if check["verdict"] != "PASS"]


def _held(status: Document) -> Iterator[str]:
    """What holds it, unless that is only the checks, which are told one by one."""
    undecided = str(status["reason"]).startswith(f"{status['stage']} baked ")
    failing = bool(_unpassed(status))
    if status["phase"] == "held" and not (undecided and failing):
        yield f"an end of the hold: {printable(status['reason'])}"


def _silence(status: Document) -> Iterator[str]:
    """Cohorts without requests; at the whole traffic the baseline may be silent."""
    compared = status["stages"][status["stage_index"]]["weight"] < 1.0
    for role in ("candidate", "baseline") if compared else ("candidate",):
        name = status["cohorts"][role]
        seen = status["slis"].get(name)
        if seen is not None and seen["requests"] == 0:
            yield f"requests of {printable(name)}: there were none in the last {whole_seconds(seen['window_ms'])}"


def _shortfall(check: Document) -> str:
    """Why the check does not pass, with how far its evidence has come where the reason does not say it."""
    reason = printable(check["reason"]).removeprefix(f"{printable(check['name'])}: ")
    found, needed = check.get("advance_e_value"), check.get("advance_threshold")
    if found is None or needed is None or found >= needed or check["verdict"] == "FAIL":
        return reason
    so_far = "" if "e-value" in reason else f"; e-value so far {e_value(found)} of {significant_text(needed, 3)}"
    growth = f", {_times(needed / found)} short" if found > 0.0 else ""
    return f"{reason}{so_far}{growth}"


def _times(factor: float) -> str:
    """A factor that is missing, to two digits.

    >>> _times(6.3), _times(4e9)
    ('a factor of 6.3', 'a factor of over a million')
    """
    return f"a factor of {'over a million' if factor > 1e6 else significant_text(factor, 2)}"


def _seconds_up(ms: int) -> str:
    """A duration that is still to pass, to the second, upwards, so that it is never shown as none."""
    return whole_seconds(ms + 999)
