"""The rules that look at several fields of a policy at once.

They read the document as written, and leave out what cannot be read (which is a fault of its own),
so that one mistyped field never hides the faults of the others.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from gates.policy.faults import PolicyFault
from gates.policy.fields import read_pane, read_positive_duration, read_positive_share, read_quantile, read_window
from gates.quantities import format_duration, format_share, shown

DEFAULT_PANE = "1s"
DEFAULT_WINDOW = {"error_rate": "30s", "latency": "1m"}
EXAMPLES = {"error_rate": ("limit: 5%", "ratio: 1.25"), "latency": ("limit: 800ms", "ratio: 1.2")}
LOWEST_COMPARED = 0.25
DEFAULT_HOLD_AFTER = "30s"
DEFAULT_PAUSE_AFTER = "5m"

T = TypeVar("T")
Fields = Mapping[str, object]


def rule_faults(document: Fields) -> Iterator[PolicyFault]:
    """Yield what is wrong between the fields of a policy document; never raises."""
    yield from _cohorts(_mapping(document.get("cohorts")))
    stages = document.get("stages")
    stages = [_mapping(stage) for stage in stages] if isinstance(stages, list | tuple) else []
    yield from _stages(stages)
    yield from _no_data(_mapping(document.get("no_data")))
    pane_ms = _read(read_pane, document.get("pane", DEFAULT_PANE))
    goes_to_all = any(_read(read_positive_share, stage.get("weight")) == 1.0 for stage in stages)
    for name, check in _mapping(document.get("checks")).items():
        fields = _mapping(check)
        if fields.get("sli") in ("error_rate", "latency"):
            yield from _window(name, fields, pane_ms)
            yield from _limit_or_ratio(name, fields, goes_to_all)
        if fields.get("sli") == "latency":
            yield from _comparable(name, fields)


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
        bake, timeout = (_read(read_positive_duration, stage.get(key)) for key in ("bake", "timeout"))
        if bake is not None and timeout is not None and timeout <= bake:
            message = (
                f"{format_duration(timeout)} is not longer than the bake, {format_duration(bake)}: "
                "write a longer duration, because no stage can pass before it is baked"
            )
            yield PolicyFault(("stages", index, "timeout"), message)
        weight = _read(read_positive_share, stage.get("weight"))
        if weight is not None and weight <= highest:
            message = (
                f"{format_share(weight)} is not more than the {format_share(highest)} reached before: "
                f"write a larger share, because each stage widens the rollout"
            )
            yield PolicyFault(("stages", index, "weight"), message)
        highest = max(highest, weight or 0.0)


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
    if window is None or pane_ms is None or window % pane_ms == 0:
        return
    origin = "" if "window" in check else " (the default)"
    nearest = format_duration(max(pane_ms, window // pane_ms * pane_ms))
    message = (
        f"{format_duration(window)}{origin} is not a whole number of panes of {format_duration(pane_ms)}: "
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
    quantile = _read(read_quantile, check.get("quantile"))
    if "ratio" in check and quantile is not None and quantile < LOWEST_COMPARED:
        message = f"{quantile} is too low to compare by `ratio`: write {LOWEST_COMPARED} or more, such as 0.5"
        yield PolicyFault(("checks", name, "quantile"), message)


def _mapping(value: object) -> Fields:
    """Return the entries of `value` that have text for a key; nothing where it is no mapping."""
    return {key: field for key, field in value.items() if isinstance(key, str)} if isinstance(value, Mapping) else {}


def _read(reader: Callable[[object], T], value: object) -> T | None:
    try:
        return reader(value)
    except ValueError:
        return None
