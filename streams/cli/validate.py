"""`sluicegate validate`: check policy files."""

from __future__ import annotations

import json
from typing import Any

import click

from streams.cli.failures import FAILED, WRONG_USE
from streams.cli.parameters import RateParameter, base_error_option
from streams.cli.policy_file import read_policy_bytes


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--strict", is_flag=True, help="Exit with 1 for warnings, too.")
@click.option("--rps", type=RateParameter(), help="Requests per second: warn about what this traffic is too small for.")
@base_error_option("With --rps: the share of the baseline's requests that fail.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array with an object per file.")
@click.pass_context
def validate(
    context: click.Context, files: tuple[str, ...], strict: bool, rps: float | None, base_error: float, as_json: bool
) -> None:
    """Check policy files (- is standard input) and report every fault with its line and path.

    Also warns about valid settings that are probably mistakes: conditions that can never be met, and harm that no check
    would notice. With --rps, also about stages that are too short or too small for that traffic.

    Exits with 0 if all files are valid, 1 if any has a fault (with --strict: or a warning), 2 if any cannot be read.
    """
    from streams.views.validation import validation_lines

    if not 0.0 < base_error < 1.0:
        raise click.BadParameter("must lie between 0% and 100%", context, param_hint="--base-error")
    results = [_examine(file, rps, base_error) for file in files]
    if as_json:
        click.echo(json.dumps(results, indent=2))
    else:
        for result in results:
            if "unreadable" in result:
                click.echo(f"{result['file']}: cannot be read: {result['unreadable']}", err=True)
                continue
            for line in validation_lines(result):
                click.echo(line)
    if any("unreadable" in result for result in results):
        context.exit(WRONG_USE)
    if any(result.get("faults") or (strict and result.get("warnings")) for result in results):
        context.exit(FAILED)


def _examine(file: str, rps: float | None, base_error: float) -> dict[str, Any]:
    from connectors.policy_files import PolicyFileError, load, place
    from gates.advice.lint import lint
    from streams.views.validation import faults_as_json

    try:
        text = read_policy_bytes(file)
    except OSError as error:
        return {"file": file, "ok": False, "unreadable": error.strerror or str(error)}
    try:
        policy = load(text, source=file)
    except PolicyFileError as error:
        return {"file": file, "ok": False, "faults": faults_as_json(error.faults), "warnings": []}
    return {
        "file": file,
        "ok": True,
        "faults": [],
        "warnings": faults_as_json(place(text, lint(policy, rps, base_error))),
        "rollout": policy.rollout,
        "stages": len(policy.stages),
        "checks": len(policy.checks),
        "hash": policy.hash,
    }
