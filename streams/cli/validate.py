"""`sluicegate validate`: is this a policy, and if not, what is wrong with it."""

import json
from pathlib import Path

import click


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array instead, an object per file.")
@click.pass_context
def validate(context: click.Context, files: tuple[str, ...], as_json: bool) -> None:
    """Check policy files (- for standard input) and report every fault with its line and path.

    Exits with 0 when all are good, 1 when any has a fault, 2 when any cannot be read.
    """
    results = [_examine(file) for file in files]
    if as_json:
        click.echo(json.dumps(results, indent=2))
    else:
        for result in results:
            _print(result)
    if any("unreadable" in result for result in results):
        context.exit(2)
    if any(result.get("faults") for result in results):
        context.exit(1)


def _examine(file: str) -> dict[str, object]:
    from connectors.policy_files import PolicyFileError, load

    try:
        text = _read(file)
    except OSError as error:
        return {"file": file, "ok": False, "unreadable": error.strerror or str(error)}
    try:
        policy = load(text, source=file)
    except PolicyFileError as error:
        faults = [{"line": f.line, "column": f.column, "path": f.path, "message": f.message} for f in error.faults]
        return {"file": file, "ok": False, "faults": faults}
    return {
        "file": file,
        "ok": True,
        "faults": [],
        "rollout": policy.rollout,
        "stages": len(policy.stages),
        "checks": len(policy.checks),
        "hash": policy.hash,
    }


def _read(file: str) -> bytes:
    """Return the content of `file`, or enough of it to see that it is too large."""
    from connectors.policy_files import LARGEST_BYTES

    if file == "-":
        return click.get_binary_stream("stdin").read(LARGEST_BYTES + 1)
    with Path(file).open("rb") as opened:
        return opened.read(LARGEST_BYTES + 1)


def _print(result: dict[str, object]) -> None:
    file = result["file"]
    if "unreadable" in result:
        click.echo(f"{file}: cannot be read: {result['unreadable']}", err=True)
        return
    faults = result["faults"]
    for fault in faults if isinstance(faults, list) else []:
        click.echo(f"{file}:{fault['line']}: {fault['path'] or 'policy'}: {fault['message']}")
    if result["ok"]:
        stages, checks = _count(result["stages"], "stage"), _count(result["checks"], "check")
        click.echo(f"{file}: ok ({result['rollout']}, {stages}, {checks}, {result['hash']})")


def _count(number: object, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
