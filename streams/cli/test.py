"""`sluicegate test`: unit tests of policies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streams.cli.progress import busy
from streams.cli.running import FAILED, WRONG_USE, Failure, print_json
from streams.views.timeline import printable

if TYPE_CHECKING:
    from streams.offline.policy_tests.running import Result

WORDS = {"ok": "ok", "failed": "FAILED", "unreadable": "UNREADABLE"}
COLOURS = {"ok": "green", "failed": "red", "unreadable": "yellow"}


@click.command()
@click.argument("folders", nargs=-1, required=True, metavar="DIR...", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead: every test, its decisions, a count.")
@click.option("--junit", "junit_file", metavar="FILE", type=click.Path(path_type=Path), help="JUnit XML too, for CI.")
@click.pass_context
def test(context: click.Context, folders: tuple[Path, ...], as_json: bool, junit_file: Path | None) -> None:
    """Run the policy tests in folders, searched to their depths: a folder with a test.yaml is a test.

    A test is a policy, the traffic it meets (recorded events or a made-up scenario) and the decisions that must come
    of it; docs/testing-policies.md says how to write one. No broker is needed.

    Exits with 0 if all pass, 1 if any fails, 2 if any cannot be read or there is none.
    """
    results: list[Result] = []
    for result in _run(_found(folders)):
        results.append(result)
        if not as_json:
            click.echo("\n".join(_lines(result)))
    counted = {status: sum(each.status == status for each in results) for status in WORDS}
    if as_json:
        print_json({**counted, "tests": [each.document() for each in results]})
    else:
        seconds = sum(each.seconds for each in results)
        click.echo(f"{', '.join(f'{many} {word}' for word, many in counted.items() if many)} in {seconds:.1f} s")
    if junit_file is not None:
        _write_junit(junit_file, results)
    context.exit(WRONG_USE if counted["unreadable"] else FAILED if counted["failed"] else 0)


def _found(folders: Sequence[Path]) -> list[Path]:
    from streams.offline.policy_tests.folders import find

    try:
        found = find(folders)
    except OSError as error:
        raise Failure(f"{error.filename}: cannot be read: {error.strerror or error}", WRONG_USE) from None
    if not found:
        named = ", ".join(map(str, folders))
        raise Failure(f"no tests in {named}: a folder with a test.yaml is a test", WRONG_USE)
    return found


def _run(found: Sequence[Path]) -> Iterator[Result]:
    from streams.offline.policy_tests.running import run_test

    for number, folder in enumerate(found, 1):
        with busy() as show:
            show(f"{folder} ({number} of {len(found)})")
            result = run_test(folder)
        yield result


def _lines(result: Result) -> Iterator[str]:
    """A line for a test that passes; below it, for one that does not, why and both sides."""
    word = click.style(f"{WORDS[result.status]:<10}", fg=COLOURS[result.status])
    about = f"  {printable(result.about)}" if result.about else ""
    yield f"{word} {printable(result.folder)}{about}"
    for sentence in (*result.notes, *result.faults):
        yield f"    {printable(sentence)}"
    if result.status == "failed":
        width = max([len("expected"), *(len(row.expected) for row in result.rows)])
        yield f"      {'expected':<{width}}  found"
        for row in result.rows:
            yield f"    {' ' if row.fits else '>'} {row.expected:<{width}}  {printable(row.found)}".rstrip()


def _write_junit(file: Path, results: Sequence[Result]) -> None:
    from streams.offline.policy_tests.junit import junit

    try:
        file.write_bytes(junit(results))
    except OSError as error:
        raise Failure(f"{file}: cannot be written: {error.strerror or error}", WRONG_USE) from None
