"""`sluicegate rollout freeze` and `unfreeze`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from streams.cli.configuration import kafka_settings
from streams.cli.connection import with_status_view
from streams.cli.order_options import order_options
from streams.cli.parameters import DurationParameter, TimeParameter

if TYPE_CHECKING:
    from streams.journal import Freeze
    from streams.operator_client.status_view import StatusView


def _label(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    key, equals, _ = (value or "").partition("=")
    if value is not None and not (key and equals):
        raise click.BadParameter("write KEY=VALUE, as in the labels of a policy", context, parameter)
    return value


_label_option = click.option(
    "--label", callback=_label, metavar="KEY=VALUE", help="Only rollouts whose policy has this label; without it all."
)


@click.command("freeze")
@_label_option
@click.option("--until", type=TimeParameter(), metavar="TIME", help="When it ends, such as 2026-12-01T08:00:00Z.")
@click.option("--for", "length", type=DurationParameter(), metavar="DURATION", help="How long it lasts, such as 12h.")
@order_options
def freeze(
    label: str | None,
    until: int | None,
    length: int | None,
    reason: str,
    by: str,
    waits: bool,
    timeout: float,
    **flags: str | None,
) -> None:
    """Freeze rollouts: until the end of the freeze none starts, advances or is promoted.

    They bake, pause and roll back as always. Event time decides about the end. Without --until and --for the freeze
    lasts until `sluicegate rollout unfreeze`. A new freeze with the same label, or both without one, replaces it.
    """
    from streams.clock import wall_ms
    from streams.journal import Freeze

    now = wall_ms()
    if until is not None and length is not None:
        raise click.UsageError("write --until or --for, not both")
    if length == 0:
        raise click.UsageError("--for is 0s: write a duration longer than zero, such as 12h")
    if until is not None and until <= now:
        raise click.UsageError("--until is in the past: write such as 2026-12-01T08:00:00Z, or --for 12h")
    end = until if length is None else now + length
    _send_freeze(Freeze(frozen=True, label=label, by=by, reason=reason, until=end, at=now), waits, timeout, flags)


@click.command("unfreeze")
@_label_option
@order_options
def unfreeze(
    label: str | None,
    reason: str,
    by: str,
    waits: bool,
    timeout: float,
    **flags: str | None,
) -> None:
    """End the freeze that has this label or, without --label, the freeze of all rollouts; others stay.

    Freeze windows of a policy are part of the policy: start it again without them, or use --override-freeze.
    """
    from streams.clock import wall_ms
    from streams.journal import Freeze

    _send_freeze(Freeze(frozen=False, label=label, by=by, reason=reason, at=wall_ms()), waits, timeout, flags)


def _send_freeze(order: Freeze, waits: bool, timeout: float, flags: Mapping[str, str | None]) -> None:
    from streams.operator_client import orders
    from streams.views.wording import freeze_lines

    settings = kafka_settings(flags)

    async def body(view: StatusView) -> list[Mapping[str, Any]] | None:
        return await orders.freeze(view, order, wait_s=timeout if waits else None)

    found = with_status_view(settings, body, settings.topics.controls)
    if found is None:
        click.echo(f"{'freeze' if order.frozen else 'unfreeze'} was sent; `sluicegate rollout list` shows its effect")
        return
    for line in freeze_lines(found):
        click.echo(line)
