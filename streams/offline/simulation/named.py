"""The named scenarios: a healthy service, trouble that the candidate does not cause, and bad candidates."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from streams.offline.simulation.scenario import Scenario


def _from(at: str, **change: object) -> dict[str, object]:
    return {"changes": [{"at": at, **change}]}


def _instances(**keys: object) -> dict[str, object]:
    return {"instances": {"candidate": 1, "baseline": 10, "reported": True, **keys}}


_BURSTS = [{"at": f"{minute}m", "until": f"{minute + 1}m", "rps_factor": 8} for minute in (4, 12, 20)]

_NAMED: dict[str, tuple[str, dict[str, object]]] = {
    "healthy": ("both cohorts are healthy", {}),
    "drift": (
        "the error rate of both goes up and down by half, and rises to three times overall",
        {"drift": {"sine": {"period": "10m", "amplitude": "50%"}, "ramp": 3}},
    ),
    "bursts": ("three times, for a minute each, there are 8 times as many requests", {"changes": _BURSTS}),
    "wrong-share": ("the candidate gets 0.7 times the ordered share of the traffic", {"share_factor": 0.7}),
    "clustered-errors": ("errors come in clusters: their variance is 5 times the mean", {"clusters": 5}),
    "sessions": (
        "errors come five at a time within 15 seconds: one broken session each",
        {"sessions": {"errors": 5, "spread": "15s"}},
    ),
    "clients": (
        "12 clients an hour each fail 5 requests a second for two minutes",
        {"clients": [{"per_hour": 12, "length": "2m", "rps": 5}]},
    ),
    "pareto-clients": (
        "60 failing clients an hour, of which a few make most of the requests",
        {"clients": [{"per_hour": 60, "length": "1m", "rps": 0.5, "shape": 1.2}]},
    ),
    "one-client": (
        "one client fails all the time, and the candidate has it",
        {"error_rate": "0.1%", "clients": [{"at": "0s", "length": "1h", "rps": 1, "to_candidate": True}]},
    ),
    "storms": (
        "12 times an hour, each of 1 and 10 instances fails half of its requests for 5 seconds",
        _instances(storms=[{"per_hour": 12, "length": "5s"}]),
    ),
    "pauses": (
        "once a minute, each of 1 and 10 instances stops for a second",
        _instances(stalls=[{"every": "1m", "length": "1s"}]),
    ),
    "drifting-instances": (
        "error rates and latencies of 1 and 10 instances drift by 10%, for a minute or so",
        _instances(wander={"errors": "10%", "latency": "10%"}),
    ),
    "thin": ("there is a request every 5 seconds", {"rps": 0.2, "duration": "6h"}),
    "whole-milliseconds": (
        "latencies are a few whole milliseconds, half of them zero",
        {"latency": {"median": "2ms", "rounded": "1ms", "zeros": "50%"}},
    ),
    "outage-60s": ("from minute 6, for a minute, there is no telemetry", _from("6m", until="7m", outage=True)),
    "shared-cause": ("from minute 6 both have 5 times as many errors", _from("6m", both={"error_ratio": 5})),
    "error-x1.5": ("the candidate has 1.5 times as many errors", _from("0s", candidate={"error_ratio": 1.5})),
    "error-x2": ("the candidate has 2 times as many errors", _from("0s", candidate={"error_ratio": 2})),
    "error-x5": ("the candidate has 5 times as many errors", _from("0s", candidate={"error_ratio": 5})),
    "late-error-x3": (
        "from 50 s on, near the end of a bake of a minute, the candidate has 3 times as many errors",
        _from("50s", candidate={"error_ratio": 3}),
    ),
    "error-spike": (
        "from minute 5 the candidate fails 20% of its requests",
        _from("5m", candidate={"error_rate": 0.2}),
    ),
    "slow": ("the candidate takes 1.5 times as long", _from("0s", candidate={"latency_factor": 1.5})),
    "tail-slow": ("the candidate has 4 times as many very slow requests", _from("0s", candidate={"tail_factor": 4})),
    "candidate-down": ("from minute 6 the candidate fails every request", _from("6m", down=True)),
}
"""A description, and what differs from 30 minutes of 1,000 requests per second, 0.5% errors, known users."""

SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {name: Scenario.parse({"users": True, **document}) for name, (_, document) in _NAMED.items()}
)
"""Every named scenario, those with a fine candidate first."""

DESCRIPTIONS: Mapping[str, str] = MappingProxyType({name: text for name, (text, _) in _NAMED.items()})
"""What happens in each."""
