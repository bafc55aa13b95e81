"""`sluicegate plan`: what a policy will be able to see, before anyone rolls out by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import isinf
from typing import TYPE_CHECKING, Any, TypeVar

import click

from streams.cli.rates import Rate
from streams.cli.running import WRONG_USE, Failure, load_policy, print_json

if TYPE_CHECKING:
    from gates.advice.plan import StagePlan

F = TypeVar("F", bound=Callable[..., Any])


def share(context: click.Context, parameter: click.Parameter, value: str) -> float:
    """Read a share such as 0.1%; a callback of options."""
    from gates.documents.quantities import parse_share

    try:
        return parse_share(value)
    except ValueError as error:
        raise click.BadParameter(str(error), context, parameter) from None


def base_error_option(text: str) -> Callable[[F], F]:
    """The option --base-error, a share; `text` is its help."""
    return click.option("--base-error", metavar="SHARE", default="0.1%", show_default=True, callback=share, help=text)


@click.command()
@click.option("--policy", "policy_file", metavar="FILE", required=True, help="The policy; - is standard input.")
@click.option("--rps", type=Rate(), required=True, help="Requests a second, in all.")
@base_error_option("Share of the baseline's requests that fail.")
@click.option(
    "--json", "as_json", is_flag=True, help="The figures as one JSON document; times in seconds, null: never."
)
def plan(policy_file: str, rps: float, base_error: float, as_json: bool) -> None:
    """Say how soon each stage would see a regression, and how long it takes to pass when all is well.

    Per stage and comparing check: the median time to detect 1.5, 2 and 5 times the baseline's figure (the 95th
    percentile in brackets), the smallest regression seen within the bake, and the time to pass. The figures are good
    to about half of themselves. Names the stages that see nothing; exits with 1 if there are any.
    """
    from gates.advice.plan import plan as planned

    policy = load_policy(policy_file)
    try:
        stages = planned(policy, rps, base_error)
    except ValueError as error:
        raise Failure(str(error), WRONG_USE) from None
    if as_json:
        print_json(
            {"rollout": policy.rollout, "rps": rps, "base_error": base_error, "stages": list(map(_json, stages))}
        )
    else:
        click.echo("\n".join(_words(stages)))
    if any(stage.blind for stage in stages):
        raise Failure("; ".join(_blindness(stage) for stage in stages if stage.blind))


def _blindness(stage: StagePlan) -> str:
    return (
        f"stage {stage.name} is blind: within its bake {' and '.join(stage.blind)} would not see even ten times the "
        "baseline's figure; give it more weight or a longer bake"
    )


def _words(stages: tuple[StagePlan, ...]) -> Iterator[str]:
    from gates.advice.plan import p95
    from gates.documents.quantities import format_share

    for stage in stages:
        yield f"{stage.name} ({format_share(stage.weight)}, bake {_time(stage.bake_s)})"
        yield f"  {_time(stage.enough_requests)} until there are enough requests to pass"
        for check in stage.checks:
            seen = ", ".join(f"x{times:g} in {_time(t)} ({_time(p95(t))})" for times, t in check.detect.items())
            least = "nothing" if check.smallest is None else f"x{check.smallest:.3g}"
            yield f"  {check.name}: sees {seen}; within the bake {least}; passes in {_time(check.advance)}"
        if not stage.compared:
            yield "  no baseline is left: the limits alone watch"
        yield f"  passed after about {_time(stage.advance)} when all is well"


def _time(seconds: float) -> str:
    from gates.documents.quantities import format_duration

    if isinf(seconds):
        return "never"
    if seconds > 100 * 86_400:
        return "over 100 days"
    rough = 60_000 if seconds > 7_200 else 1_000
    return format_duration(max(1_000, round(seconds * 1000.0 / rough) * rough))


def _json(stage: StagePlan) -> dict[str, Any]:
    from gates.advice.plan import p95

    return {
        "name": stage.name,
        "weight": stage.weight,
        "bake_s": stage.bake_s,
        "enough_requests_s": stage.enough_requests,
        "advance_s": _finite(stage.advance),
        "blind": list(stage.blind),
        "checks": [
            {
                "name": check.name,
                "detect": [
                    {"times": times, "median_s": _finite(t), "p95_s": _finite(p95(t))}
                    for times, t in check.detect.items()
                ],
                "smallest_within_bake": check.smallest,
                "advance_s": _finite(check.advance),
            }
            for check in stage.checks
        ],
    }


def _finite(seconds: float) -> float | None:
    return None if isinf(seconds) else round(seconds, 1)
