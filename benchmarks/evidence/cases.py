"""The simulated rollouts, by table: each a policy of one stage and the traffic that it meets.

A row's name is part of its seed. Where a candidate's instances matter it has one, beside ten of the baseline, and the
candidate is exactly like the baseline unless the row describes how it differs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal
from zlib import crc32

from gates.policy import Policy
from streams.offline.simulation.scenario import Scenario

Keys = Mapping[str, object]

HALF_AN_HOUR = "30m"
ERRORS: Keys = {"errors": {"sli": "error_rate", "ratio": 1.25}}
P95: Keys = {"p95": {"sli": "latency", "quantile": 0.95, "ratio": 1.1}}
MEAN: Keys = {"cpu": {"sli": "metric", "metric": "cpu", "ratio": 1.1, "ceiling": 100}}
SPREAD_15S: Keys = {"errors": 5.5, "sizes": "geometric", "spread": "15s"}
"""Sessions after which the number of errors varies 10 times as much as that of independent ones."""
SLOWER_TRAFFIC: Keys = {"rps": 550}

Figure = Literal["rolled back", "advanced"]


@dataclass(frozen=True, slots=True)
class Case:
    """`runs` rollouts of one row; `figure` is what is counted and timed.

    `since` is the second that times count from: the one from which the candidate is bad.
    """

    table: str
    name: str
    scenario: Keys
    checks: Keys = field(default_factory=lambda: ERRORS)
    weight: str = "5%"
    bake: str = HALF_AN_HOUR
    runs: int = 60
    figure: Figure = "rolled back"
    since: int = 0

    @property
    def seed(self) -> int:
        """The seed of its draws."""
        return crc32(f"{self.table}/{self.name}".encode())

    @property
    def traffic(self) -> Scenario:
        """The scenario."""
        return Scenario.parse(self.scenario)

    @property
    def policy(self) -> Policy:
        """The policy of its rollouts."""
        return Policy.parse(
            {
                "schema": "sluicegate.policy/v1",
                "rollout": "simulated",
                "cohorts": {"baseline": "stable", "candidate": "canary"},
                "stages": [{"name": "only", "weight": self.weight, "bake": self.bake}],
                "checks": self.checks,
                "min_requests": 1,
            }
        )


def all_cases() -> tuple[Case, ...]:
    """Every row, table by table."""
    return (*_healthy(), *_slow_instances(), *_clients(), *_boundary(), *_late(), *_passing(), *_delays(), *_thin())


def quick_cases() -> tuple[Case, ...]:
    """One run of one row of each table: a smoke test."""
    first = {case.table: case for case in reversed(all_cases())}
    return tuple(replace(case, runs=1) for case in reversed(first.values()))


def _fleet(**keys: object) -> Keys:
    return {"instances": {"candidate": 1, "baseline": 10, **keys}}


def _healthy() -> Iterator[Case]:
    table = "errors"
    yield Case(table, "independent, exactly 1.25 times as many", {"changes": [_more(1.25)]})
    of_many: Keys = {"errors": 5, "of": "many users"}
    yield Case(table, "sessions of 5 in a second, users known", {"users": True, "sessions": of_many})
    yield Case(table, "sessions of 50 in a second", {"sessions": {"errors": 50}}, runs=40)
    for name, known in (("", False), (", emitters known", True)):
        yield Case(table, f"sessions over 15 s{name}", {"sessions": SPREAD_15S, **_fleet(reported=known)}, runs=40)
        storms = [{"per_hour": 12, "length": "5s"}]
        yield Case(
            table, f"12 storms of 5 s an hour{name}", _fleet(storms=storms, reported=known), runs=40 if known else 60
        )


def _slow_instances() -> Iterator[Case]:
    table = "instances"
    stalls = [{"every": "1m", "length": "1s"}]
    yield Case(table, "p95, a pause of 1 s a minute", {**SLOWER_TRAFFIC, **_fleet(stalls=stalls)}, P95, "9%", runs=40)
    cpu: Keys = {"metric": {"name": "cpu", "median": 20, "spread": 0.05}}
    slow, busy = _fleet(wander={"latency": "10%"}), _fleet(wander={"metric": "10%"})
    yield Case(table, "p95, drifts of 10%", {**SLOWER_TRAFFIC, **slow}, P95, "9%", runs=40)
    yield Case(table, "mean of a metric, drifts of 10%", {**SLOWER_TRAFFIC, **cpu, **busy}, MEAN, "9%", runs=40)


def _clients() -> Iterator[Case]:
    table, known = "clients", {"users": True}
    some = {"per_hour": 12, "length": "2m", "rps": 5}
    yield Case(table, "12 an hour for 2 min, 5/s each", {**known, "clients": [some]}, runs=40)
    pareto = {"per_hour": 60, "length": "1m", "rps": 0.5, "shape": 1.2}
    yield Case(table, "60 an hour for 1 min, Pareto(1.2) from 0.5/s on", {**known, "clients": [pareto]}, runs=40)
    yield Case(table, "the same, two equal halves", {**known, "clients": [pareto]}, weight="50%", runs=40)
    crawler = {"at": "0s", "length": HALF_AN_HOUR, "rps": 0.4, "to_candidate": True}
    quiet = {"rps": 100, "error_rate": "0.2%"}
    yield Case(
        table, "one in the candidate, all the time", {**known, **quiet, "clients": [crawler]}, weight="10%", runs=40
    )


def _more(times: float, at: str = "0s") -> Keys:
    return {"at": at, "candidate": {"error_ratio": times}}


def _boundary() -> Iterator[Case]:
    just: Keys = {"changes": [{"at": "0s", "candidate": {"error_rate": 1.25 * 0.005 + 0.005}}]}
    for name, more in (("independent errors", {}), ("sessions over 15 s", {"sessions": SPREAD_15S})):
        traffic = {"duration": "5m", **just, **more}
        yield Case("boundary", f"bake 1 min, {name}", traffic, bake="1m", runs=120, figure="advanced")


def _late() -> Iterator[Case]:
    for bake, at, duration, times in ((60, 50, "5m", 3), (300, 250, "10m", 3), (300, 250, "10m", 5)):
        traffic = {"duration": duration, "changes": [_more(times, f"{at}s")]}
        name = f"bake {bake // 60} min, {times} times from {at} s on"
        yield Case("late", name, traffic, bake=f"{bake}s", runs=60, figure="advanced", since=at)


def _passing() -> Iterator[Case]:
    for weight, base in (("5%", "0.1%"), ("5%", "0.5%"), ("5%", "1%"), ("10%", "1%"), ("50%", "1%")):
        traffic = {"error_rate": base, "duration": "20m"}
        yield Case("passing", f"{base} errors, {weight}", traffic, weight=weight, bake="1m", runs=60, figure="advanced")


def _delays() -> Iterator[Case]:
    for times in (2, 5, 20, 100):
        traffic = {"error_rate": "1%", "duration": "15m", "changes": [_more(times)]}
        yield Case("delays", f"{times} times 1%", traffic)
    late = {"error_rate": "1%", "duration": "15m", "changes": [_more(5, "10m")]}
    yield Case("delays", "5 times 1%, after 10 min", late, since=600)
    slow = {"duration": "5m", "changes": [{"at": "0s", "candidate": {"latency_factor": 1.5}}]}
    yield Case("delays", "p95, 1.5 times as slow", {**SLOWER_TRAFFIC, **slow}, P95, "9%", runs=40)


def _thin() -> Iterator[Case]:
    down: Keys = {"duration": "10m", "changes": [{"at": "0s", "down": True}]}
    yield Case("thin", "1/s in turns, all fail", {**down, "rps": 1, "arrivals": "even"}, weight="50%", runs=40)
    yield Case("thin", "0.5/s at random, half each, all fail", {**down, "rps": 0.5}, weight="50%")
    yield Case("thin", "5/s, 10%, all fail", {**down, "rps": 5}, weight="10%")
