"""`sluicegate test`: run policy tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streams.cli.failures import FAILED, WRONG_USE, Failure, unreadable, unwritable
from streams.cli.output import print_json, print_lines
from streams.cli.progress import activity

if TYPE_CHECKING:
    from streams.offline.policy_tests.running import PolicyTestResult


@click.command()
@click.argument("folders", nargs=-1, required=True, metavar="DIR...", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document: every test with its decisions, counts.")
@click.option("--junit", "junit_file", metavar="FILE", type=click.Path(path_type=Path), help="Write JUnit XML, for CI.")
@click.pass_context
def test(context: click.Context, folders: tuple[Path, ...], as_json: bool, junit_file: Path | None) -> None:
    """Run the policy tests in folders and their subfolders: a folder with a test.yaml is a test.

    A test has a policy, traffic (recorded events or a simulated scenario) and the decisions that the policy must make;
    docs/testing-policies.md describes how to write one. No broker is needed.

    Exits with 0 if all pass, 1 if any fails, 2 if any cannot be read or there is none.
    """
    from streams.views.policy_tests import count_by_status, result_lines, results_summary

    results: list[PolicyTestResult] = []
    for result in _results(_find(folders)):
        results.append(result)
        if not as_json:
            print_lines(list(result_lines(result)))
    counts = count_by_status(results)
    if as_json:
        print_json({**counts, "tests": [each.document() for each in results]})
    else:
        click.echo(results_summary(results))
    if junit_file is not None:
        _write_junit(junit_file, results)
    context.exit(WRONG_USE if counts["unreadable"] else FAILED if counts["failed"] else 0)


def _find(folders: Sequence[Path]) -> list[Path]:
    from streams.offline.policy_tests.folders import find_tests

    try:
        found = find_tests(folders)
    except OSError as error:
        raise unreadable(error.filename, error) from None
    if not found:
        named = ", ".join(map(str, folders))
        raise Failure(f"no tests in {named}: a folder with a test.yaml is a test", WRONG_USE)
    return found


def _results(folders: Sequence[Path]) -> Iterator[PolicyTestResult]:
    from streams.offline.policy_tests.running import run_test

    for number, folder in enumerate(folders, 1):
        with activity() as show:
            show(f"{folder} ({number} of {len(folders)})")
            result = run_test(folder)
        yield result


def _write_junit(file: Path, results: Sequence[PolicyTestResult]) -> None:
    from streams.offline.policy_tests.junit import junit

    try:
        file.write_bytes(junit(results))
    except OSError as error:
        raise unwritable(file, error) from None
