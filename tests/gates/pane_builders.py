"""Policies, cells and panes made by hand."""

from __future__ import annotations

from typing import Any

from gates.groups import halves_of, key_of
from gates.panes import CLASS_POSITION, CLASSES, NO_DETAIL, Cell, Detail, Pane, smallest
from gates.policy import Policy
from gates.stats.histogram import Histogram
from gates.stats.value_counts import ValueCounts

T0 = 1_767_225_600_000
CANDIDATE, BASELINE = "canary", "stable"
EVERY_KIND: dict[str, Any] = {
    "bounded": {"sli": "metric", "metric": "cost", "ratio": 1.2, "limit": 8, "ceiling": 10},
    "both": {"sli": "coverage", "expected": {BASELINE: 2, CANDIDATE: 1}, "window": "5s"},
    "burn": {"sli": "burn_rate", "slo": "99%", "window": "12s", "spend": "0.01%"},
    "errors": {"sli": "error_rate", "ratio": 1.25, "limit": "20%", "window": "5s"},
    "orders": {"sli": "success_rate", "ratio": 1.25, "limit": "50%", "window": "5s"},
    "pods": {"sli": "coverage", "expected": 3, "window": "5s"},
    "probes": {"sli": "error_rate", "ratio": 1.5, "limit": "50%", "window": "5s", "traffic": "synthetic"},
    "score": {"sli": "metric", "metric": "cost", "quantile": 0.5, "ratio": 1.2, "limit": 0.1, "better": "higher"},
    "share": {"sli": "throughput_share", "window": "5s"},
    "slower": {"sli": "latency", "quantile": 0.5, "ratio": 1.2, "limit": "900ms", "window": "5s"},
    "usual": {"sli": "coverage", "expected": "auto", "window": "2s"},
    "watched": {"sli": "latency", "quantile": 0.9, "limit": "50ms", "window": "5s", "severity": "advisory"},
}
STAGES = (
    {"name": "tenth", "weight": "10%", "bake": "10s", "warmup": "2s"},
    {"name": "all", "weight": "100%", "bake": "10s"},
)


def policy(checks: dict[str, Any] | None = None, **changes: Any) -> Policy:
    """Return a policy with these checks, or with one of every kind."""
    return Policy.parse(
        {
            "schema": "sluicegate.policy/v1",
            "rollout": "r",
            "cohorts": {"baseline": BASELINE, "candidate": CANDIDATE},
            "stages": list(STAGES),
            "checks": EVERY_KIND if checks is None else checks,
            "min_requests": 20,
            **changes,
        }
    )


def cell(
    requests: int,
    errors: int = 0,
    *,
    latency_ms: float = 10.0,
    users: tuple[int, ...] = (),
    metrics: dict[str, list[float]] | None = None,
    successes: tuple[int, int] = (0, 0),
    emitters: tuple[int, ...] = (),
    halves: tuple[tuple[int, int], tuple[int, int]] | None = None,
) -> Cell:
    """Return a cell; `successes` are (succeeded, failed), `halves` (requests, errors) of both halves."""
    counts = dict.fromkeys(CLASSES, 0) | {"2xx": requests - errors, "5xx": errors}
    groups: dict[int, int] = {}
    for half, (all_of, bad) in enumerate(halves or ()):
        groups |= {key_of(CLASS_POSITION["2xx"], half): all_of - bad, key_of(CLASS_POSITION["5xx"], half): bad}
    detail = Detail(
        *successes,
        users=smallest(users),
        halves=halves_of(groups)[0],
        user_groups={key: number for key, number in sorted(groups.items()) if number},
        metrics={name: ValueCounts.of(values) for name, values in (metrics or {}).items()},
        emitters=tuple(sorted(emitters)),
    )
    return Cell(
        tuple(counts.values()), Histogram.of([latency_ms] * requests), NO_DETAIL if detail == NO_DETAIL else detail
    )


def pane(second: int, candidate: Cell | None, baseline: Cell | None, **more: Any) -> Pane:
    """Return the pane of a second since T0."""
    cells = {name: known for name, known in ((CANDIDATE, candidate), (BASELINE, baseline)) if known is not None}
    start = T0 + second * 1_000
    return Pane(start, start + 1_000, cells | more.pop("others", {}), **more)
