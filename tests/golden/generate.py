"""Events of a story, made from a small description: the same description gives the same bytes.

`events.json` holds a `seed`, a `start` (ms), the `rollout`, and `phases`, each of them `seconds` long:

* `rps`: requests a second; `canary_share`: the share of them that the canary gets (the others go to stable);
* `error_rate` and `latency_ms` (the median) by cohort;
* `silent`: cohorts whose telemetry is lost; `late`: the `share` of the events that arrive
  `by_s` seconds later; with `failures_of`, only that cohort's failures do.

Optional keys of a phase (nothing is drawn for an absent key, so that older stories keep their bytes):

* `users`: how many users there are; each keeps to one cohort, by a hash of its own, except the share `roaming` of
  them, which are sent anywhere;
* `slow`: `{cohort: share}` of the requests take ten times as long;
* `unanswered`: true where a failed request has no answer: its status is 0, and it has no latency; `null_latency`: true
  where its latency is null;
* `results`: what a good request and a failed one carry in place of a status, such as `{"grpc_status": 14}`; `harmless`:
  the `share` of the good ones that carry `result` instead;
* `outcome`: true where the work is not HTTP: `ok` and `error` instead of a status;
* `success`: the share of transactions that succeed, by cohort; `metrics`: `{name: {cohort: median}}`, for the cohorts
  that send them; `wild`: `{name: value}` of the first request of the canary that is sent in the phase;
* `synthetic`, `untagged`, `unknown`, `nan`: the share of events that are probes, have no cohort, have a third cohort's
  name, or have a latency that is no number of milliseconds;
* `emitters`: `{cohort: number}` of instances, which take turns;
* `unreadable_failures_of`: the cohort whose failures have a status that is none, and no latency;
* `ahead_s`: how far the clocks of some cohorts are ahead, in seconds, by cohort;
* `crowd`: how many names the cohorts of `unknown` have, instead of the one.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from hashlib import blake2b
from math import log
from typing import Any

import orjson

SPREAD = 0.3  # sigma of the lognormal latencies
SLOW_TIMES = 10
NO_NUMBERS = (b"NaN", b"Infinity", b"-Infinity", b"-17.5", b"1e999")

Phase = dict[str, Any]


def events(story: dict[str, Any]) -> Iterator[bytes]:
    """Give the story's events as NDJSON lines, in the order in which they arrive."""
    rng = random.Random(story["seed"])
    at, arriving = story["start"], []
    for phase in story["phases"]:
        arriving += list(_phase(rng, phase, at, story["rollout"]))
        at += phase["seconds"] * 1_000
    arriving.sort(key=lambda arrival: arrival[0])
    return (line for _, line in arriving)


def _phase(rng: random.Random, phase: Phase, start: int, rollout: str) -> Iterator[tuple[int, bytes]]:
    late = phase.get("late", {"share": 0.0, "by_s": 0})
    wild = phase.get("wild", {})
    for index in range(int(phase["seconds"] * phase["rps"])):
        ts = start + int(index * 1_000 // phase["rps"])
        user = f"user-{rng.randrange(phase['users'])}" if "users" in phase else None
        cohort = "canary" if _falls_to_canary(rng, phase, user) else "stable"
        failed = rng.random() < phase["error_rate"][cohort]
        latency = rng.lognormvariate(log(phase["latency_ms"][cohort]), SPREAD)
        delay = late["by_s"] * 1_000 if rng.random() < late["share"] else 0
        if "failures_of" in late and not (failed and cohort == late["failures_of"]):
            delay = 0
        more = _more(rng, phase, cohort, index)
        if wild and cohort == "canary":
            more["metrics"], wild = more["metrics"] | wild, {}
        slow = "slow" in phase and rng.random() < phase["slow"].get(cohort, 0.0)
        unmeasured = failed and phase.get("null_latency", False)
        measured = {"latency_ms": None if unmeasured else round(latency * SLOW_TIMES if slow else latency, 3)}
        line = _line(
            rng,
            phase,
            {
                "ts": ts + phase.get("ahead_s", {}).get(cohort, 0) * 1_000,
                "rollout": rollout,
                "cohort": cohort,
                **_result(rng, phase, failed),
                **({} if failed and phase.get("unanswered") else measured),
                **({"status": "ok?"} if failed and cohort == phase.get("unreadable_failures_of") else {}),
                **({} if user is None else {"user": user}),
                **more,
            },
        )
        if cohort not in phase.get("silent", ()):
            yield ts + delay, line


def _falls_to_canary(rng: random.Random, phase: Phase, user: str | None) -> bool:
    if user is None or _share_of(f"roams:{user}") < phase.get("roaming", 0.0):
        return rng.random() < float(phase["canary_share"])
    return _share_of(f"cohort:{user}") < float(phase["canary_share"])


def _share_of(word: str) -> float:
    """A number from 0 to 1 that is the word's own; another hash than the one that samples users."""
    return int.from_bytes(blake2b(word.encode(), digest_size=6).digest(), "big") / 2**48


def _result(rng: random.Random, phase: Phase, failed: bool) -> dict[str, Any]:
    if "harmless" in phase and not failed and rng.random() < phase["harmless"]["share"]:
        return dict(phase["harmless"]["result"])
    if "results" in phase:
        return dict(phase["results"][failed])
    if phase.get("outcome"):
        return {"outcome": "error" if failed else "ok"}
    return {"status": (0 if phase.get("unanswered") else 503) if failed else 200}


def _more(rng: random.Random, phase: Phase, cohort: str, index: int) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if "success" in phase:
        out["success"] = rng.random() < phase["success"][cohort]
    if "metrics" in phase:
        medians = {name: known[cohort] for name, known in phase["metrics"].items() if cohort in known}
        out["metrics"] = {name: round(rng.lognormvariate(log(value), SPREAD), 4) for name, value in medians.items()}
    if "synthetic" in phase and rng.random() < phase["synthetic"]:
        out["synthetic"] = True
    if "emitters" in phase:
        out["emitter"] = f"{cohort}-{index % phase['emitters'][cohort]}"
    return out


def _line(rng: random.Random, phase: Phase, event: dict[str, Any]) -> bytes:
    if "untagged" in phase and rng.random() < phase["untagged"]:
        del event["cohort"]
    elif "unknown" in phase and rng.random() < phase["unknown"]:
        event["cohort"] = f"shadow-{rng.randrange(phase['crowd'])}" if "crowd" in phase else "shadow"
    if "nan" in phase and rng.random() < phase["nan"]:
        known = b'"latency_ms":' + orjson.dumps(event["latency_ms"])
        return orjson.dumps(event).replace(known, b'"latency_ms":' + rng.choice(NO_NUMBERS))
    return orjson.dumps(event)
