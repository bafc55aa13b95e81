"""The rules that look at several fields of a policy at once.

They read the document as written, and leave out what cannot be read (which is a fault of its own),
so that one mistyped field never hides the faults of the others.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar

from gates.documents.faults import PolicyFault
from gates.documents.fields import (
    MOST_CHECKS,
    MOST_STAGES,
    Family,
    read_number,
    read_pane,
    read_positive_duration,
    read_positive_number,
    read_positive_share,
    read_quantile,
    read_slo,
    read_window,
    whole_number,
)
from gates.documents.quantities import format_duration, format_share, shown
from gates.stats.burn_rate import BurnRule

DEFAULT_PANE = "1s"
DEFAULT_WINDOW = {
    "error_rate": "30s",
    "success_rate": "1m",
    "latency": "1m",
    "metric": "1m",
    "burn_rate": "5m",
    "coverage": "1m",
    "throughput_share": "1m",
}
DEFAULT_FAMILY: Mapping[str, Family] = {
    "error_rate": "errors",
    "success_rate": "business",
    "latency": "latency",
    "metric": "saturation",
}
"""Of the checks that may compare."""
DEFAULT_SPEND = 0.02
SHORT_PER_LONG = 12
"""The short window of a burn rate is so many times shorter than the long one (SRE Workbook, chapter 5)."""
EXAMPLES = {
    "error_rate": ("limit: 5%", "ratio: 1.25"),
    "success_rate": ("limit: 97%", "ratio: 1.25"),
    "latency": ("limit: 800ms", "ratio: 1.2"),
    "metric": ("limit: 250", "ratio: 1.2"),
}
"""Of the checks that may compare: an absolute limit and a ratio."""
BUDGET = "budget"
"""What the check is called that `budget` makes."""
LOWEST_COMPARED = 0.25
DEFAULT_HOLD_AFTER = "30s"
DEFAULT_PAUSE_AFTER = "5m"

T = TypeVar("T")
Fields = Mapping[str, object]


def rule_faults(document: Fields) -> Iterator[PolicyFault]:
    """Yield what is wrong between the fields of a policy document; never raises.

    Of more stages or checks than a policy may have, which is a fault already, the first are looked at.
    """
    yield from _cohorts(_mapping(document.get("cohorts")))
    stages = document.get("stages")
    stages = [_mapping(one) for one in stages[:MOST_STAGES]] if isinstance(stages, list | tuple) else []
    yield from _stages(stages)
    yield from _no_data(_mapping(document.get("no_data")))
    pane_ms = _read(read_pane, document.get("pane", DEFAULT_PANE))
    goes_to_all = any(_read(read_positive_share, stage.get("weight")) == 1.0 for stage in stages)
    named = islice(_mapping(document.get("checks")).items(), MOST_CHECKS)
    checks = {name: _mapping(check) for name, check in named}
    for name, fields in checks.items():
        sli = fields.get("sli")
        if isinstance(sli, str) and sli in DEFAULT_WINDOW:
            yield from _window(name, fields, pane_ms)
            yield from _quiet(name, fields)
        if isinstance(sli, str) and sli in EXAMPLES:
            yield from _limit_or_ratio(name, fields, goes_to_all)
            yield from _comparable(name, fields)
        if sli == "metric" and goes_to_all:
            yield from _missable(name, fields)
        if sli == "burn_rate":
            yield from _burnable(name, fields)
    yield from _something_required(checks)
    yield from _enough_families(_mapping(document.get("rollback_on")), checks)
    if BUDGET in checks and "budget" in document:
        yield PolicyFault(("checks", BUDGET), "is the name of what `budget` makes: choose another name")


def _cohorts(cohorts: Fields) -> Iterator[PolicyFault]:
    baseline, candidate = cohorts.get("baseline"), cohorts.get("candidate")
    if isinstance(candidate, str) and candidate == baseline:
        message = f"{shown(candidate)} is the baseline too: write the name of another cohort"
        yield PolicyFault(("cohorts", "candidate"), message)


def _stages(stages: Sequence[Fields]) -> Iterator[PolicyFault]:
    seen: dict[str, int] = {}
    highest = 0.0
    for index, stage in enumerate(stages):
        name = stage.get("name")
        if isinstance(name, str) and seen.setdefault(name, index) != index:
            message = f"{shown(name)} is the name of stages[{seen[name]}] too: give each stage its own name"
            yield PolicyFault(("stages", index, "name"), message)
        yield from _timeout(index, stage)
        weight = _read(read_positive_share, stage.get("weight"))
        if weight is not None and weight <= highest:
            message = (
                f"{format_share(weight)} is not more than the {format_share(highest)} reached before: "
                f"write a larger share, because each stage widens the rollout"
            )
            yield PolicyFault(("stages", index, "weight"), message)
        highest = max(highest, weight or 0.0)


def _timeout(index: int, stage: Fields) -> Iterator[PolicyFault]:
    bake, warmup, timeout = (_read(read_positive_duration, stage.get(key)) for key in ("bake", "warmup", "timeout"))
    parts = {"warm-up": warmup, "bake": bake}
    known = {word: length for word, length in parts.items() if length is not None}
    if timeout is not None and known and timeout <= sum(known.values()):
        least = " and the ".join(f"{word}, {format_duration(length)}" for word, length in known.items())
        message = (
            f"{format_duration(timeout)} is not longer than the {least}: "
            "write a longer duration, because no stage can pass before it is warm and baked"
        )
        yield PolicyFault(("stages", index, "timeout"), message)


def _no_data(no_data: Fields) -> Iterator[PolicyFault]:
    hold = _read(read_positive_duration, no_data.get("hold_after", DEFAULT_HOLD_AFTER))
    pause = _read(read_positive_duration, no_data.get("pause_after", DEFAULT_PAUSE_AFTER))
    if hold is not None and pause is not None and pause <= hold:
        origin = "" if "pause_after" in no_data else " (the default)"
        message = (
            f"{format_duration(pause)}{origin} is not later than hold_after, {format_duration(hold)}: "
            f"write a longer duration, because a rollout holds first and pauses later"
        )
        yield PolicyFault(("no_data", "pause_after"), message)


def _window(name: str, check: Fields, pane_ms: int | None) -> Iterator[PolicyFault]:
    window = _read(read_window, check.get("window", DEFAULT_WINDOW[str(check["sli"])]))
    burns = check["sli"] == "burn_rate"  # its second window, a twelfth of the first, is whole panes too
    step = None if pane_ms is None else pane_ms * (SHORT_PER_LONG if burns else 1)
    if window is None or step is None or pane_ms is None or window % step == 0:
        return
    origin = "" if "window" in check else " (the default)"
    nearest = format_duration(max(step, window // step * step))
    times = f"{SHORT_PER_LONG} times " if burns else ""
    message = (
        f"{format_duration(window)}{origin} is not {times}a whole number of panes of {format_duration(pane_ms)}: "
        f"write for example {nearest}"
    )
    yield PolicyFault(("checks", name, "window"), message)


def _limit_or_ratio(name: str, check: Fields, goes_to_all: bool) -> Iterator[PolicyFault]:
    if "limit" in check:
        return
    if "ratio" not in check:
        limit, ratio = EXAMPLES[str(check["sli"])]
        message = f"has neither `limit` nor `ratio`, so it could never fail: write `{limit}`, `{ratio}` or both"
        yield PolicyFault(("checks", name), message)
    elif goes_to_all:
        message = (
            "is missing: a stage at 100 % leaves no baseline for `ratio` to compare with, "
            f"so write an absolute limit too, such as `{EXAMPLES[str(check['sli'])][0]}`"
        )
        yield PolicyFault(("checks", name, "limit"), message)


def _comparable(name: str, check: Fields) -> Iterator[PolicyFault]:
    if "ratio" not in check:
        return
    quantile = _read(read_quantile, check.get("quantile"))
    higher = check.get("better") == "higher"
    if quantile is not None and (1.0 - quantile if higher else quantile) < LOWEST_COMPARED:
        bound = f"{1.0 - LOWEST_COMPARED} or less" if higher else f"{LOWEST_COMPARED} or more"
        side = "high" if higher else "low"
        yield PolicyFault(
            ("checks", name, "quantile"), f"{quantile} is too {side} to compare by `ratio`: write {bound}, such as 0.5"
        )
    if check.get("sli") == "metric" and "quantile" not in check and "ceiling" not in check:
        message = (
            "is missing: a mean is compared on values cut off somewhere, so write the largest value that matters, "
            "such as `ceiling: 1000`, or compare a quantile instead"
        )
        yield PolicyFault(("checks", name, "ceiling"), message)


def _missable(name: str, check: Fields) -> Iterator[PolicyFault]:
    """A mean is compared on values from 0 to the ceiling: at 100 % a limit outside of them could not be missed."""
    limit, ceiling = _read(read_number, check.get("limit")), _read(read_positive_number, check.get("ceiling"))
    if "ratio" not in check or "quantile" in check or limit is None or ceiling is None or 0.0 < limit < ceiling:
        return
    message = (
        f"{limit:g} does not lie between 0 and the ceiling, {ceiling:g}: write one that does, because a stage at 100 % "
        "compares values cut off at the ceiling with the limit alone"
    )
    yield PolicyFault(("checks", name, "limit"), message)


def _burnable(name: str, check: Fields) -> Iterator[PolicyFault]:
    slo, spend = _read(read_slo, check.get("slo")), _read(read_positive_share, check.get("spend", DEFAULT_SPEND))
    window = _read(read_window, check.get("window", DEFAULT_WINDOW["burn_rate"]))
    if slo is None or spend is None or window is None:
        return
    needed = BurnRule(spend, window).error_rate(slo)
    if needed >= 1.0:
        message = (
            f"could never fail: to spend {format_share(spend)} of 30 days' budget in {format_duration(window)} at an "
            f"SLO of {format_share(slo)} takes an error rate of {needed:.0%}; write less `spend`, a longer `window` or "
            "a higher `slo`"
        )
        yield PolicyFault(("checks", name), message)


def _quiet(name: str, check: Fields) -> Iterator[PolicyFault]:
    severity, on_fail = check.get("severity"), check.get("on_fail", "notify")
    if severity in ("advisory", "dry_run") and on_fail != "notify":
        message = f"{shown(on_fail)} cannot be: a check of severity {severity} only notifies; leave it out"
        yield PolicyFault(("checks", name, "on_fail"), message)
    if severity == "critical" and check.get("on_fail") == "notify":
        message = (
            "'notify' cannot be: a critical check that only notifies is an advisory one; write `severity: advisory`"
        )
        yield PolicyFault(("checks", name, "on_fail"), message)


def _something_required(checks: Mapping[str, Fields]) -> Iterator[PolicyFault]:
    if checks and all(check.get("severity") in ("advisory", "dry_run") for check in checks.values()):
        message = "are all advisory or dry-run, so nothing could fail: give at least one of them `severity: standard`"
        yield PolicyFault(("checks",), message)


def _enough_families(rollback_on: Fields, checks: Mapping[str, Fields]) -> Iterator[PolicyFault]:
    failing = _read(whole_number(1, 1_000_000_000), rollback_on.get("failing"))
    if (
        failing is None
        or failing == 1
        or any(check.get("sli") not in tuple(DEFAULT_WINDOW) for check in checks.values())
    ):
        return
    families = {
        str(check.get("family", DEFAULT_FAMILY[str(check["sli"])]))
        for check in checks.values()
        if check["sli"] in DEFAULT_FAMILY and "ratio" in check
        if check.get("severity", "standard") == "standard" and check.get("on_fail", "rollback") == "rollback"
    }
    if failing > len(families):
        names = f" ({', '.join(sorted(families))})" if families else ""
        message = (
            f"{failing} is more than there are families of standard checks that roll back by `ratio`, "
            f"{len(families)}{names}: write {max(1, len(families))} or less, or such checks of other families"
        )
        yield PolicyFault(("rollback_on", "failing"), message)


def _mapping(value: object) -> Fields:
    """Return the entries of `value` that have text for a key; nothing where it is no mapping."""
    return {key: field for key, field in value.items() if isinstance(key, str)} if isinstance(value, Mapping) else {}


def _read(reader: Callable[[object], T], value: object) -> T | None:
    try:
        return reader(value)
    except ValueError:
        return None
