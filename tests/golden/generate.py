"""Events of a story, made from a small description: the same description gives the same bytes.

`events.json` holds a `seed`, a `start` (ms), the `rollout`, and `phases`, each of them so many `seconds` long:

* `rps`: requests a second; `canary_share`: the share of them that the canary gets (the others go to stable);
* `error_rate` and `latency_ms` (the median) by cohort;
* `silent`: cohorts whose telemetry is lost; `late`: `{"share": .., "by_s": ..}` of the events arrive so much later.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from math import log
from typing import Any

import orjson

SPREAD = 0.3  # sigma of the lognormal latencies


def events(story: dict[str, Any]) -> Iterator[bytes]:
    """Give the story's events as NDJSON lines, in the order in which they arrive."""
    rng = random.Random(story["seed"])
    at, arriving = story["start"], []
    for phase in story["phases"]:
        arriving += list(_phase(rng, phase, at, story["rollout"]))
        at += phase["seconds"] * 1_000
    arriving.sort(key=lambda arrival: arrival[0])
    return (line for _, line in arriving)


def _phase(rng: random.Random, phase: dict[str, Any], start: int, rollout: str) -> Iterator[tuple[int, bytes]]:
    late = phase.get("late", {"share": 0.0, "by_s": 0})
    for index in range(phase["seconds"] * phase["rps"]):
        ts = start + index * 1_000 // phase["rps"]
        cohort = "canary" if rng.random() < phase["canary_share"] else "stable"
        failed = rng.random() < phase["error_rate"][cohort]
        latency = rng.lognormvariate(log(phase["latency_ms"][cohort]), SPREAD)
        delay = late["by_s"] * 1_000 if rng.random() < late["share"] else 0
        if cohort in phase.get("silent", ()):
            continue
        event = {
            "ts": ts,
            "rollout": rollout,
            "cohort": cohort,
            "status": 503 if failed else 200,
            "latency_ms": round(latency, 3),
        }
        yield ts + delay, orjson.dumps(event)
