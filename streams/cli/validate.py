"""`sluicegate validate`: is this a policy, and if not, what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streams.cli.plan import base_error_option
from streams.cli.rates import Rate
from streams.cli.running import FAILED, WRONG_USE

if TYPE_CHECKING:
    from connectors.policy_files import FileFault


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--strict", is_flag=True, help="Take warnings for faults: exit with 1.")
@click.option("--rps", type=Rate(), help="Requests a second: warn of what they are too few for.")
@base_error_option("With --rps: the share of the baseline's requests that fail.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array instead, an object per file.")
@click.pass_context
def validate(
    context: click.Context, files: tuple[str, ...], strict: bool, rps: float | None, base_error: float, as_json: bool
) -> None:
    """Check policy files (- for standard input) and report every fault with its line and path.

    Warns of what is no fault, and yet likely not meant: conditions that cannot come true, and ways for harm to pass
    unseen; with --rps, of what the stages cannot see or reach at that traffic, too.

    Exits with 0 when all are good, 1 when any has a fault (with --strict: or a warning), 2 when any cannot be read.
    """
    if not 0.0 < base_error < 1.0:
        raise click.BadParameter("must lie between 0% and 100%", context, param_hint="--base-error")
    results = [_examine(file, rps, base_error) for file in files]
    if as_json:
        click.echo(json.dumps(results, indent=2))
    else:
        for result in results:
            _print(result)
    if any("unreadable" in result for result in results):
        context.exit(WRONG_USE)
    if any(result.get("faults") or (strict and result.get("warnings")) for result in results):
        context.exit(FAILED)


def _examine(file: str, rps: float | None, base_error: float) -> dict[str, Any]:
    from connectors.policy_files import PolicyFileError, load, place
    from gates.advice.lint import lint

    try:
        text = _read(file)
    except OSError as error:
        return {"file": file, "ok": False, "unreadable": error.strerror or str(error)}
    try:
        policy = load(text, source=file)
    except PolicyFileError as error:
        return {"file": file, "ok": False, "faults": _documents(error.faults), "warnings": []}
    return {
        "file": file,
        "ok": True,
        "faults": [],
        "warnings": _documents(place(text, lint(policy, rps, base_error))),
        "rollout": policy.rollout,
        "stages": len(policy.stages),
        "checks": len(policy.checks),
        "hash": policy.hash,
    }


def _documents(found: tuple[FileFault, ...]) -> list[dict[str, Any]]:
    return [{"line": f.line, "column": f.column, "path": f.path, "message": f.message} for f in found]


def _read(file: str) -> bytes:
    """Return the content of `file`, or enough of it to see that it is too large."""
    from connectors.policy_files import LARGEST_BYTES

    if file == "-":
        return click.get_binary_stream("stdin").read(LARGEST_BYTES + 1)
    with Path(file).open("rb") as opened:
        return opened.read(LARGEST_BYTES + 1)


def _print(result: dict[str, Any]) -> None:
    file = result["file"]
    if "unreadable" in result:
        click.echo(f"{file}: cannot be read: {result['unreadable']}", err=True)
        return
    for word, found in (("", result["faults"]), ("warning: ", result["warnings"])):
        for each in found:
            click.echo(f"{file}:{each['line']}: {each['path'] or 'policy'}: {word}{each['message']}")
    if result["ok"]:
        stages, checks = _count(result["stages"], "stage"), _count(result["checks"], "check")
        click.echo(f"{file}: ok ({result['rollout']}, {stages}, {checks}, {result['hash']})")


def _count(number: object, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
