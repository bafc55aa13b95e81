"""`sluicegate dlq`: list dead letters, and send them again."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from streams.cli.configuration import kafka_options, kafka_settings
from streams.cli.connection import run_with_kafka
from streams.cli.failures import FAILED, WRONG_USE, Failure
from streams.cli.output import print_json, print_lines, print_view
from streams.cli.parameters import TimeParameter, operator_name
from streams.cli.progress import activity

if TYPE_CHECKING:
    from connectors.kafka.clients import KafkaSettings
    from streams.dead_letters.letters import Address, Letter, Selection
    from streams.dead_letters.redrive_rules import Fate
    from streams.dead_letters.redriver import Redriven

NEWEST = 20
SLACK = 1_000
"""Letters kept beyond twice the limit before they are sorted and cut: sorting after each would cost too much."""


@click.group()
def dlq() -> None:
    """List dead letters, and send them again.

    A dead letter is a message, or one element of it, that could not be read. An ADDRESS is the letter's place,
    PARTITION:OFFSET, or its origin, TOPIC/PARTITION/OFFSET[/INDEX]. After a crash one letter may be there twice.
    """


def selection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the flags that choose letters."""
    for option in reversed(
        (
            click.option("--reason", "reasons", multiple=True, metavar="REASON", help="With this reason. Repeatable."),
            click.option("--topic", "topics", multiple=True, help="From this topic. Repeatable."),
            click.option(
                "--since", type=TimeParameter(), help="Written then or later: 2026-01-31T12:00:00Z, or 2h for 2h ago."
            ),
            click.option("--until", type=TimeParameter(), help="Written before this time."),
            click.option("--rollout", metavar="ID", help="Whose value names this rollout; of many it is unknown."),
        )
    ):
        command = option(command)
    return command


def _selection(
    settings: KafkaSettings, flags: dict[str, Any], addresses: tuple[str, ...] = ()
) -> tuple[Selection, dict[str, Any]]:
    """The selection of flags and addresses, and those flags that are not lists."""
    from streams.dead_letters.letters import Selection

    names = {settings.topic_prefix + topic for topic in flags["topics"]} | set(flags["topics"])
    rest = {name: flags[name] for name in ("since", "until", "rollout")}
    return Selection(frozenset(flags["reasons"]), frozenset(names), **rest, addresses=_addresses(addresses)), rest


def _addresses(texts: tuple[str, ...]) -> tuple[Address, ...]:
    from streams.dead_letters.letters import Address

    try:
        return tuple(map(Address.parse, texts))
    except ValueError as error:
        raise Failure(str(error), WRONG_USE) from None


def _split(flags: dict[str, Any]) -> tuple[KafkaSettings, dict[str, Any]]:
    """Kafka's settings, and the other flags."""
    kafka = {name: flags.pop(name) for name in ("bootstrap", "topic_prefix")}
    return kafka_settings(kafka), flags


@dlq.command("list")
@selection_options
@click.option(
    "--limit", type=click.IntRange(min=0), default=NEWEST, show_default=True, help="Show this many, the newest."
)
@click.option("--json", "as_json", is_flag=True, help='Print one JSON object: {"total", "reasons", "newest"}.')
@kafka_options
def list_(limit: int, as_json: bool, **flags: Any) -> None:
    """Count dead letters by topic and reason, and list the newest."""
    from streams.dead_letters.redriver import Redriver
    from streams.views.dead_letters import NO_LETTERS, letter_document, letters_view

    settings, rest = _split(flags)
    wanted, _ = _selection(settings, rest)
    counts: Counter[tuple[str, str]] = Counter()
    newest: list[Letter] = []

    async def body() -> Redriver:
        async with Redriver(settings) as redriver:
            async for letter in redriver.letters():
                if letter in wanted:
                    counts[letter.content.topic, letter.content.reason] += 1
                    newest.append(letter)
                    if len(newest) > 2 * limit + SLACK:
                        _keep_newest(newest, limit)
            return redriver

    history = run_with_kafka(settings, body()).history
    _keep_newest(newest, limit)
    states = [(letter, history.latest(letter.origin)) for letter in newest]
    if as_json:
        reasons = [{"topic": topic, "reason": reason, "letters": n} for (topic, reason), n in counts.most_common()]
        shown = [letter_document(*state) for state in states]
        print_json({"total": counts.total(), "reasons": reasons, "newest": shown})
    elif not counts:
        click.echo(NO_LETTERS, err=True)
    else:
        print_view(letters_view(counts, states))


def _keep_newest(letters: list[Letter], limit: int) -> None:
    letters.sort(key=lambda letter: (letter.at, letter.place), reverse=True)
    del letters[limit:]


@dlq.command("show")
@click.argument("address")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per letter; binary values in base64.")
@click.option("--raw", is_flag=True, help="Print the value alone, byte for byte; into a pipe or a file only.")
@kafka_options
def show(address: str, as_json: bool, raw: bool, **flags: Any) -> None:
    """Show the dead letter at ADDRESS: origin, reason and value; control characters are made visible."""
    from streams.dead_letters.letters import Selection
    from streams.dead_letters.redriver import Redriver
    from streams.views.dead_letters import letter_document, letter_lines

    if raw and sys.stdout.isatty():
        raise Failure("--raw is for pipes and files: a dead letter can control the terminal", WRONG_USE)
    settings, _ = _split(flags)
    wanted = Selection(addresses=_addresses((address,)))

    async def body() -> tuple[list[Letter], Redriver]:
        async with Redriver(settings) as redriver:
            return [letter async for letter in redriver.letters() if letter in wanted], redriver

    found, redriver = run_with_kafka(settings, body())
    if not found:
        raise Failure(f"no dead letter at {address}; `sluicegate dlq list` shows addresses")
    for letter in found:
        redriven = redriver.history.latest(letter.origin)
        if raw:
            click.get_binary_stream("stdout").write(letter.content.value)
        elif as_json:
            print_json(letter_document(letter, redriven, whole=True))
        else:
            print_lines(list(letter_lines(letter, redriven)))


@dlq.command("redrive")
@click.argument("addresses", nargs=-1, metavar="[ADDRESS]...")
@selection_options
@click.option("--all", "everything", is_flag=True, help="Every letter; needed where nothing else chooses.")
@click.option("--limit", type=click.IntRange(min=1), help="At most this many: the oldest that were not redriven yet.")
@click.option("--to", "target", metavar="TOPIC", help="Send to this topic  [default: each letter's origin]")
@click.option("--force", is_flag=True, help="Also letters that would become dead letters again.")
@click.option("--again", is_flag=True, help="Also letters that were sent before, or may have been.")
@click.option("--dry-run", "dry", is_flag=True, help="Print what would be done, and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per letter.")
@kafka_options
@click.pass_context
def redrive(
    context: click.Context,
    /,
    addresses: tuple[str, ...],
    everything: bool,
    limit: int | None,
    target: str | None,
    force: bool,
    again: bool,
    dry: bool,
    as_json: bool,
    **flags: Any,
) -> None:
    """Send dead letters again, to the topic that each came from: those at ADDRESS, or those that the flags choose.

    No letter is sent twice: one record on `dead-letters` claims it before it is sent, and a second one confirms that it
    was sent, for as long as the topic keeps them. A run that is killed in between leaves at most 200 claimed letters
    that may or may not have been sent; they are listed, and sent only with --again.

    What is sent is the letter's value (of a message with many events the faulty event only) with its old key. An event
    counts at its own time, so an old one may be late. A letter that would become a dead letter again is not sent (the
    decoder checks first). A letter that was truncated at 64 KiB (header truncated_from) is never sent.

    Exits with 0 if every chosen letter was sent, now or before, else with 1; with 2 if nothing chooses.
    """
    settings, rest = _split(flags)
    wanted, spans = _selection(settings, rest, addresses)
    chosen = (*addresses, *rest["topics"], *rest["reasons"], *(one for one in spans.values() if one is not None))
    if not chosen and not everything:
        raise Failure("choose letters: an ADDRESS, a flag such as --reason, or --all", WRONG_USE)
    redriving = _Redriving(target, {"force": force, "again": again, "dry": dry}, as_json)
    try:
        run_with_kafka(settings, redriving.run(settings, wanted, limit))
    except Failure:
        if redriving.fates:  # what was sent before the error stays sent
            redriving.print_summary()
        raise
    redriving.print_summary()
    context.exit(0 if redriving.is_complete() else FAILED)


@dataclass(slots=True)
class _Redriving:
    """One redrive: sends the letters, prints a line for each, and counts what was done with them."""

    target: str | None
    options: dict[str, bool]
    as_json: bool
    fates: Counter[Fate] = field(default_factory=Counter)

    async def run(self, settings: KafkaSettings, wanted: Selection, limit: int | None) -> None:
        from streams.dead_letters.redriver import Redriver

        with activity() as show:
            async with Redriver(settings, *([self.target] if self.target else ())) as redriver:
                show("reading dead letters")
                letters = [letter async for letter in redriver.letters() if letter in wanted]
                letters.sort(key=lambda letter: (letter.at, letter.place))
                if limit is not None:
                    # Letters that were sent before must not use up the limit: a second run would do nothing.
                    again, sent = self.options["again"], redriver.history.is_sent
                    letters = [letter for letter in letters if again or not sent(letter.origin)][:limit]
                async for done in redriver.redrive(letters, by=operator_name(), to=self.target, **self.options):
                    self.print_letter(done)
                    show(f"{self.fates.total()} of {len(letters)}")

    def print_letter(self, done: Redriven) -> None:
        from streams.views.dead_letters import redriven_document, redriven_line

        self.fates[done.fate] += 1
        if self.as_json:
            print_json(redriven_document(done, dry=self.options["dry"]))
        else:
            click.echo(redriven_line(done, dry=self.options["dry"]))

    def print_summary(self) -> None:
        from streams.views.dead_letters import redrive_summary

        click.echo(redrive_summary(self.fates, dry=self.options["dry"]), err=True)

    def is_complete(self) -> bool:
        """Whether every chosen letter was sent, now or before."""
        from streams.dead_letters.redrive_rules import Fate

        return self.fates.total() == self.fates[Fate.SENT] + self.fates[Fate.ALREADY]
