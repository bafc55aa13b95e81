"""`sluicegate topics`: create the topics, and list them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from streams.cli.configuration import kafka_options, kafka_settings
from streams.cli.connection import run_with_kafka
from streams.cli.failures import FAILED, WRONG_USE, Failure
from streams.cli.output import print_view

if TYPE_CHECKING:
    from streams.topics import Outcome


@click.group()
def topics() -> None:
    """Create and list the topics."""


@topics.command()
@kafka_options
@click.option(
    "--partitions",
    multiple=True,
    metavar="TOPIC=N",
    help="Use another number of partitions, such as events=48 or journal=8 (snapshots follow journal). Repeatable.",
)
@click.option(
    "--replication", type=click.IntRange(min=1), help="Replicas  [default: 3, or as many as there are brokers]"
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
@click.pass_context
def ensure(
    context: click.Context,
    /,
    partitions: tuple[str, ...],
    replication: int | None,
    as_json: bool,
    **flags: str | None,
) -> None:
    """Create the topics that are missing.

    A topic that exists is never changed; differences from what Sluicegate would create are reported. Exits with 0, or
    with 1 if a topic could not be created or is unusable.
    """
    from streams.topics import State
    from streams.topics import ensure as ensure_topics

    settings = kafka_settings(flags)
    chosen = _partitions(partitions)
    reports = run_with_kafka(settings, ensure_topics(settings, replication=replication, partitions=chosen))
    _print(reports, as_json=as_json)
    context.exit(FAILED if any(report.state is State.FAILED for report in reports) else 0)


@topics.command("list")
@kafka_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
def list_(as_json: bool, **flags: str | None) -> None:
    """List the topics: whether each exists, its partitions, its retention, its content."""
    from streams.topics import inspect

    settings = kafka_settings(flags)
    _print(run_with_kafka(settings, inspect(settings)), as_json=as_json)


def _partitions(pairs: tuple[str, ...]) -> dict[str, int]:
    """`TOPIC=N` pairs as a mapping; a topic may have its short name (events) or its full one (request-events)."""
    from connectors.kafka.topics import TopicNames
    from streams.topics import TOPICS, specs

    names = {spec.name(TopicNames()): spec.word for spec in TOPICS} | {
        spec.word.replace("_", "-"): spec.word for spec in TOPICS
    }
    chosen: dict[str, int] = {}
    for pair in pairs:
        name, _, number = pair.partition("=")
        if not number.isdecimal():
            raise Failure(f"--partitions {pair}: write it as TOPIC=N, such as events=48", WRONG_USE)
        chosen[names.get(name, name)] = int(number)
    try:
        specs(chosen)
    except ValueError as error:
        raise Failure(f"--partitions: {error}", WRONG_USE) from None
    return chosen


def _print(reports: list[Outcome], *, as_json: bool) -> None:
    import json

    from streams.views.topics import topic_document, topics_table

    if as_json:
        click.echo(json.dumps([topic_document(report) for report in reports], indent=2))
        return
    print_view(topics_table(reports))
    for report in reports:
        for detail in report.details:
            click.echo(f"{report.topic}: {detail}", err=True)
