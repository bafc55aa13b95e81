"""The rollouts that all judges get: experiments of several cases each.

By default a case has 1,000 requests a second of which the candidate gets 5%, 0.1% errors, a p95 of about 160 ms and a
p99 of about 300 ms, well below every threshold. A rollout is planned for 30 minutes; the simulation continues for a few
more, so that a judge that waits can still rule. The seed of a case is made of its name, so a new name gives new draws.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from benchmarks.judges.judge import MINUTE_MS
from streams.offline.simulation.scenario import Scenario

Keys = dict[str, object]
"""The keys of a scenario, as docs/simulate.md lists them."""

SHARE = 0.05
HALF_AN_HOUR, AN_HOUR = 30, 60
EXTRA_MINUTES = 5
HEALTHY: Keys = {
    "rps": 1_000.0,
    "duration": f"{HALF_AN_HOUR + EXTRA_MINUTES}m",
    "error_rate": 0.001,
    "latency": {"median": "60ms"},
}
FAILING_MORE = HEALTHY | {"error_rate": 0.005}
LONG = HEALTHY | {"duration": f"{AN_HOUR + EXTRA_MINUTES}m"}


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of rollout, simulated `runs` times.

    `later_share` is the candidate's share in the second half of the plan; `dispersion` is that of our policy, None
    leaves it to be measured.
    """

    experiment: str
    name: str
    runs: int
    scenario: Scenario
    share: float = SHARE
    later_share: float = SHARE
    dispersion: float | None = None

    @property
    def minutes(self) -> int:
        """How long the rollout is planned to last."""
        return self.scenario.duration_ms // MINUTE_MS - EXTRA_MINUTES

    def shares(self, pane_ms: int) -> Iterator[float]:
        """The candidate's share of the traffic, pane by pane."""
        half = self.minutes * MINUTE_MS // 2
        return (self.share if at < half else self.later_share for at in range(0, self.scenario.duration_ms, pane_ms))


def all_cases() -> tuple[Case, ...]:
    """Every case, experiment by experiment."""
    return (
        *_healthy(),
        *_worse(),
        *_late(),
        *_slower(),
        *_down(),
        *_outages(),
        *_clustered(),
        *_together(),
        *_innocent(),
    )


def quick_cases() -> tuple[Case, ...]:
    """One run of one case of each experiment: a smoke test."""
    first = {case.experiment: case for case in reversed(all_cases())}
    return tuple(replace(case, runs=1) for case in reversed(first.values()))


def _healthy() -> Iterator[Case]:
    for base in (HEALTHY, FAILING_MORE):
        for rps in (50, 200, 1_000, 5_000):
            yield Case(f"healthy at {base['error_rate']:.1%}", f"{rps:,}/s", 120, Scenario.parse(base | {"rps": rps}))


def _worse() -> Iterator[Case]:
    for base in (HEALTHY, FAILING_MORE):
        for times in (1.5, 2.0, 5.0, 20.0):
            bad = {"at": "0s", "candidate": {"error_ratio": times}}
            yield Case(
                f"worse than {base['error_rate']:.1%}", f"x{times:g}", 50, Scenario.parse(base | {"changes": [bad]})
            )


def _late() -> Iterator[Case]:
    for base in (HEALTHY, FAILING_MORE):
        late = {"at": "15m", "candidate": {"error_ratio": 5.0}}
        yield Case("late", f"x5 of {base['error_rate']:.1%}", 50, Scenario.parse(base | {"changes": [late]}))


def _slower() -> Iterator[Case]:
    for times in (1.2, 1.5, 2.0):
        slow = {"at": "0s", "candidate": {"latency_factor": times}}
        yield Case("slower", f"x{times:g}", 50, Scenario.parse(HEALTHY | {"changes": [slow]}))


def _down() -> Iterator[Case]:
    for minutes in (0, 1, 2, 3, 5, 10):
        down = [{"at": "10m", "until": f"{10 + minutes}m", "down": True}] if minutes else []
        yield Case("down", f"{minutes} min", 30, Scenario.parse(LONG | {"changes": down}))


def _outages() -> Iterator[Case]:
    for name, start_s, length_s in (
        ("60 s", 600, 60),
        ("60 s, off the minute", 630, 60),
        ("2 min", 600, 120),
        ("the last 3 min", 1_620, 180),
    ):
        gone = {"at": f"{start_s}s", "until": f"{start_s + length_s}s", "outage": True}
        yield Case("outage", name, 50, Scenario.parse(HEALTHY | {"changes": [gone]}))


def _clustered() -> Iterator[Case]:
    for variance in (2.0, 4.0, 8.0):
        yield Case("clustered", f"x{variance:g}", 60, Scenario.parse(FAILING_MORE | {"clusters": variance}))
    for variance in (4.0, 8.0):
        known = Scenario.parse(FAILING_MORE | {"clusters": variance, "users": True})
        yield Case("clustered", f"x{variance:g}, users known", 60, known)
    for variance in (4.0, 8.0):
        clustered = Scenario.parse(FAILING_MORE | {"clusters": variance})
        yield Case("clustered", f"x{variance:g}, told", 60, clustered, dispersion=variance)


def _together() -> Iterator[Case]:
    """One instance of the candidate beside ten of the baseline, all alike."""
    sessions: Keys = {"errors": 5.5, "sizes": "geometric", "spread": "15s"}
    storms, stalls = [{"per_hour": 12, "length": "5s"}], [{"every": "1m", "length": "1s"}]
    some, crawler = (
        {"per_hour": 12, "length": "2m", "rps": 5},
        {"at": "0s", "length": "1h", "rps": 1, "to_candidate": True},
    )
    traffic: dict[str, Keys] = {
        "sessions of 50": {"sessions": {"errors": 50}},
        "sessions over 15 s": {"sessions": sessions, "instances": {}},
        "sessions over 15 s, emitters known": {"sessions": sessions, "instances": {"reported": True}},
        "storms": {"instances": {"storms": storms}},
        "storms, emitters known": {"instances": {"storms": storms, "reported": True}},
        "pauses": {"instances": {"stalls": stalls}},
        "clients, users known": {"clients": [some], "users": True},
        "one client, users known": {"clients": [crawler], "users": True},
    }
    for name, keys in traffic.items():
        yield Case("together", name, 60, Scenario.parse(FAILING_MORE | keys))


def _innocent() -> Iterator[Case]:
    both = {"at": "15m", "both": {"error_ratio": 5.0}}
    both_fail = Scenario.parse(HEALTHY | {"changes": [both]})
    yield Case("innocent", "both x5 of 0.1%", 50, both_fail)
    yield Case("innocent", "both x5 of 0.5%", 50, Scenario.parse(FAILING_MORE | {"changes": [both]}))
    yield Case("innocent", "both x5 of 0.1%, share to 50%", 50, both_fail, later_share=0.5)
    yield Case("innocent", "half the share", 50, Scenario.parse(HEALTHY | {"share_factor": 0.5}))
