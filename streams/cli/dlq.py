"""`sluicegate dlq`: look at dead letters, and send them once more."""

from __future__ import annotations

import getpass
import sys
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from streams.cli.moments import MOMENT
from streams.cli.running import FAILED, WRONG_USE, Failure, kafka_options, kafka_settings, print_json, run

if TYPE_CHECKING:
    from connectors.kafka.clients import KafkaSettings
    from streams.dead_letters.letters import Address, Letter, Selection
    from streams.dead_letters.redriver import Redriven

NEWEST = 20


@click.group()
def dlq() -> None:
    """Look at dead letters, and send them once more.

    A dead letter is what could not be read, kept as it was. An ADDRESS is its place there, PARTITION:OFFSET, or where
    it came from, TOPIC/PARTITION/OFFSET[/INDEX]; after a crash one letter may be there twice.
    """


def selecting(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the flags that choose letters."""
    for option in reversed(
        (
            click.option("--reason", "reasons", multiple=True, metavar="WORD", help="For this reason. Repeatable."),
            click.option("--topic", "topics", multiple=True, help="From this topic. Repeatable."),
            click.option(
                "--since", type=MOMENT, help="Put there then or later: 2026-01-31T12:00:00Z, or 2h for 2h ago."
            ),
            click.option("--until", type=MOMENT, help="Put there before."),
            click.option("--rollout", metavar="ID", help="Whose value names this rollout; many cannot tell."),
        )
    ):
        command = option(command)
    return command


def _selection(
    settings: KafkaSettings, flags: dict[str, Any], addresses: tuple[str, ...] = ()
) -> tuple[Selection, dict[str, Any]]:
    """The selection that flags and addresses say, and those flags that are no lists."""
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
    kafka = {name: flags.pop(name) for name in ("bootstrap", "topic_prefix")}
    return kafka_settings(kafka), flags


@dlq.command("list")
@selecting
@click.option(
    "--limit", type=click.IntRange(min=0), default=NEWEST, show_default=True, help="Show so many, the newest."
)
@click.option("--json", "as_json", is_flag=True, help='One JSON object: {"total", "reasons", "newest"}.')
@kafka_options
def list_(limit: int, as_json: bool, **flags: Any) -> None:
    """Count dead letters by topic and reason, and list the newest."""
    from streams.dead_letters.redriver import Redriver
    from streams.views.dead_letters import document, print_list

    settings, words = _split(flags)
    wanted, _ = _selection(settings, words)
    counts: Counter[tuple[str, str]] = Counter()
    newest: list[Letter] = []

    async def body() -> Redriver:
        async with Redriver(settings) as redriver:
            async for letter in redriver.letters():
                if letter in wanted:
                    counts[letter.content.topic, letter.content.reason] += 1
                    newest.append(letter)
                    if len(newest) > 2 * limit + 1000:
                        _keep(newest, limit)
            return redriver

    history = run(settings, body()).history
    _keep(newest, limit)
    if as_json:
        reasons = [{"topic": topic, "reason": reason, "letters": n} for (topic, reason), n in counts.most_common()]
        shown = [document(letter, history.latest(letter.origin)) for letter in newest]
        print_json({"total": counts.total(), "reasons": reasons, "newest": shown})
    elif not counts:
        click.echo("no dead letters, or none like that", err=True)
    else:
        print_list(counts, [(letter, history.latest(letter.origin)) for letter in newest])


def _keep(letters: list[Letter], limit: int) -> None:
    """Only the newest stay, the newest first."""
    letters.sort(key=lambda letter: (letter.at, letter.place), reverse=True)
    del letters[limit:]


@dlq.command("show")
@click.argument("address")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a letter; a value that is no text is in base64.")
@click.option("--raw", is_flag=True, help="The value alone, byte for byte; into a pipe or a file only.")
@kafka_options
def show(address: str, as_json: bool, raw: bool, **flags: Any) -> None:
    """Show the dead letter at ADDRESS: where from, why, and its value; what would steer a terminal is made visible."""
    from streams.dead_letters.letters import Selection
    from streams.dead_letters.redriver import Redriver
    from streams.views.dead_letters import document, letter_in_words

    if raw and sys.stdout.isatty():
        raise Failure("--raw is for pipes and files: a dead letter may steer your terminal", WRONG_USE)
    settings, _ = _split(flags)
    wanted = Selection(addresses=_addresses((address,)))

    async def body() -> tuple[list[Letter], Redriver]:
        async with Redriver(settings) as redriver:
            return [letter async for letter in redriver.letters() if letter in wanted], redriver

    found, redriver = run(settings, body())
    if not found:
        raise Failure(f"no dead letter at {address}; `sluicegate dlq list` shows where there are some")
    for letter in found:
        before = redriver.history.latest(letter.origin)
        if raw:
            click.get_binary_stream("stdout").write(letter.content.value)
        elif as_json:
            print_json(document(letter, before, whole=True))
        else:
            click.echo("\n".join(letter_in_words(letter, before)))


@dlq.command("redrive")
@click.argument("addresses", nargs=-1, metavar="[ADDRESS]...")
@selecting
@click.option("--all", "everything", is_flag=True, help="All there are; needed where nothing else chooses.")
@click.option("--limit", type=click.IntRange(min=1), help="So many at most: the oldest not redriven yet.")
@click.option("--to", "target", metavar="TOPIC", help="To this topic  [default: where each came from]")
@click.option("--force", is_flag=True, help="Those too that would be dead letters again.")
@click.option("--again", is_flag=True, help="Those too that were sent before, or that nobody is sure of.")
@click.option("--dry-run", "dry", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a letter.")
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
    """Send dead letters once more, to the topic that each came from: those at ADDRESS, or those that the flags choose.

    No letter is sent twice: each is claimed by a record on `dead-letters` before it is sent, and a second record says
    that it was, for as long as the topic keeps them. A run that is killed in between leaves at most 200 letters claimed
    of which nobody is sure; they are named, and sent only with --again.

    What is sent is the letter's value (of a message with many events the faulty one only) under its old key; an event
    is counted at its own time, so an old one may be late. Not sent is what would be a dead letter again (the decoder
    looks first), and, whatever the flags, what was cut at 64 KiB (header truncated_from): the rest is not there.

    Exits with 0 if every chosen letter is sent, now or before, else with 1; with 2 if nothing chooses.
    """
    from streams.cli.progress import busy
    from streams.dead_letters.redrive_rules import Fate
    from streams.dead_letters.redriver import Redriver
    from streams.views.dead_letters import redriven_document, redriven_in_words, summary_in_words

    settings, words = _split(flags)
    wanted, spans = _selection(settings, words, addresses)
    chosen = (*addresses, *words["topics"], *words["reasons"], *(one for one in spans.values() if one is not None))
    if not chosen and not everything:
        raise Failure("say which: an ADDRESS, a flag such as --reason, or --all", WRONG_USE)
    fates: Counter[Fate] = Counter()

    def tell(done: Redriven) -> None:
        fates[done.fate] += 1
        if as_json:
            print_json(redriven_document(done, dry=dry))
        else:
            click.echo(redriven_in_words(done, dry=dry))

    async def body() -> None:
        with busy() as now:
            async with Redriver(settings, *([target] if target else ())) as redriver:
                now("reading dead letters")
                letters = [letter async for letter in redriver.letters() if letter in wanted]
                letters.sort(key=lambda letter: (letter.at, letter.place))
                if limit is not None:
                    history = redriver.history
                    letters = [letter for letter in letters if again or not history.is_sent(letter.origin)][:limit]
                options = {"force": force, "again": again, "dry": dry}
                async for done in redriver.redrive(letters, by=_operator(), to=target, **options):
                    tell(done)
                    now(f"{fates.total()} of {len(letters)}")

    try:
        run(settings, body())
    except Failure:
        if fates:
            click.echo(summary_in_words(fates, dry=dry), err=True)
        raise
    click.echo(summary_in_words(fates, dry=dry), err=True)
    context.exit(0 if fates.total() == fates[Fate.SENT] + fates[Fate.ALREADY] else FAILED)


def _operator() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user id without a name, as in some containers
        return "unknown"
