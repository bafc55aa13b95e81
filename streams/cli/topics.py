"""`sluicegate topics`: make the topics, and see how they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from streams.cli.running import FAILED, WRONG_USE, Failure, kafka_options, run, settings_from

if TYPE_CHECKING:
    from streams.topics.inspection import TopicReport

STYLES = {"created": "green", "exists": "", "differs": "yellow", "missing": "yellow", "failed": "bold red"}


@click.group()
def topics() -> None:
    """Create and list the topics."""


@topics.command()
@kafka_options
@click.option(
    "--partitions",
    multiple=True,
    metavar="TOPIC=N",
    help="Another number than the table's, such as events=48 or journal=8 (snapshots follow journal). Repeatable.",
)
@click.option(
    "--replication", type=click.IntRange(min=1), help="Replicas  [default: 3, or as many as there are brokers]"
)
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
@click.pass_context
def ensure(
    context: click.Context,
    bootstrap: str | None,
    topic_prefix: str | None,
    partitions: tuple[str, ...],
    replication: int | None,
    as_json: bool,
) -> None:
    """Create the topics that are missing.

    What exists is never changed: where it differs from what Sluicegate would have made, that is said. Exits with 0, or
    with 1 if a topic could not be created or cannot work.
    """
    from connectors.kafka.clients import KafkaSettings
    from streams.topics.creation import ensure as ensure_topics
    from streams.topics.inspection import TopicState

    settings = settings_from(KafkaSettings, {"bootstrap": bootstrap, "topic_prefix": topic_prefix})
    wanted = _numbers(partitions)
    outcomes = run(settings, ensure_topics(settings, replication=replication, partitions=wanted))
    _print(outcomes, as_json=as_json)
    context.exit(FAILED if any(outcome.state is TopicState.FAILED for outcome in outcomes) else 0)


@topics.command("list")
@kafka_options
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
def list_(bootstrap: str | None, topic_prefix: str | None, as_json: bool) -> None:
    """List the topics: whether each exists, its partitions, how it is kept, what it carries."""
    from connectors.kafka.clients import KafkaSettings
    from streams.topics.inspection import inspect

    settings = settings_from(KafkaSettings, {"bootstrap": bootstrap, "topic_prefix": topic_prefix})
    _print(run(settings, inspect(settings)), as_json=as_json)


def _numbers(pairs: tuple[str, ...]) -> dict[str, int]:
    """`TOPIC=N` pairs as a mapping; a topic may be named by its word (events) or in full (request-events)."""
    from connectors.kafka.topics import TopicNames
    from streams.topics.specs import TOPICS, specs

    words = {spec.name(TopicNames()): spec.short_name for spec in TOPICS} | {
        spec.short_name.replace("_", "-"): spec.short_name for spec in TOPICS
    }
    numbers: dict[str, int] = {}
    for pair in pairs:
        name, _, number = pair.partition("=")
        if not number.isdecimal():
            raise Failure(f"--partitions {pair}: write it as TOPIC=N, such as events=48", WRONG_USE)
        numbers[words.get(name, name)] = int(number)
    try:
        specs(numbers)
    except ValueError as error:
        raise Failure(f"--partitions: {error}", WRONG_USE) from None
    return numbers


def _print(outcomes: list[TopicReport], *, as_json: bool) -> None:
    if as_json:
        import json

        click.echo(json.dumps([_document(outcome) for outcome in outcomes], indent=2))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in ("topic", "state", "partitions", "kept"):
        table.add_column(name, no_wrap=True)
    table.add_column("what it carries", ratio=1)
    for outcome in outcomes:
        style = STYLES[outcome.state]
        number = outcome.partitions or outcome.spec.partitions
        row = (outcome.topic, outcome.state.value, str(number), _kept(outcome))
        table.add_row(*(Text(cell, style if place < 2 else "") for place, cell in enumerate(row)), outcome.spec.about)
    Console().print(table)
    for outcome in outcomes:
        for detail in outcome.details:
            click.echo(f"{outcome.topic}: {detail}", err=True)


def _kept(outcome: TopicReport) -> str:
    from gates.documents.quantities import format_duration

    kept = outcome.spec.retention_ms
    return "newest per key" if kept is None else format_duration(kept)


def _document(outcome: TopicReport) -> dict[str, Any]:
    spec = outcome.spec
    return {
        "topic": outcome.topic,
        "state": outcome.state.value,
        "partitions": outcome.partitions or None,
        "details": list(outcome.details),
        "wanted": {"partitions": spec.partitions, "config": spec.config},
        "key": spec.key,
        "writer": spec.writer,
        "readers": spec.readers,
        "about": spec.about,
    }
