"""The named scenarios: a healthy service, trouble that the candidate does not cause, and bad candidates."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from streams.offline.simulation.scenario import Scenario


def _from(at: str, **change: object) -> dict[str, object]:
    return {"changes": [{"at": at, **change}]}


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
    "outage-60s": ("from minute 6, for a minute, there is no telemetry", _from("6m", until="7m", outage=True)),
    "shared-cause": ("from minute 6 both have 5 times as many errors", _from("6m", both={"error_ratio": 5})),
    "error-x1.5": ("the candidate has 1.5 times as many errors", _from("0s", candidate={"error_ratio": 1.5})),
    "error-x2": ("the candidate has 2 times as many errors", _from("0s", candidate={"error_ratio": 2})),
    "error-x5": ("the candidate has 5 times as many errors", _from("0s", candidate={"error_ratio": 5})),
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
