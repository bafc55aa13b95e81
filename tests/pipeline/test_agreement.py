"""One instance of several, or one client of many, decides nothing; two do, and a sole instance does.

From lines of events to the decision of a gate.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator

import pytest

from gates.policy import Policy
from streams.ingest.details import hash32
from streams.offline.replay import Replay, distinct_decisions

T0 = 1_767_225_600_000
SECONDS, RPS = 90, 60
POLICIES = {
    sli: Policy.parse(
        {
            "schema": "sluicegate.policy/v1",
            "rollout": "r",
            "cohorts": {"baseline": "stable", "candidate": "canary"},
            "stages": [{"name": "third", "weight": "33%", "bake": "10m"}],
            "checks": {"bad": {"sli": sli, "ratio": 1.25}},
            "min_requests": 10,
        }
    )
    for sli in ("error_rate", "success_rate")
}


def named(numbers: int) -> list[str]:
    """Return names of instances, each in a group of its own."""
    by_group = {hash32(name) % 8: name for name in (f"pod-{number}" for number in range(200))}
    return [by_group[group] for group in range(numbers)]


PODS = named(4)
Failing = Callable[[int, str, str], float]
"""How likely a request of the candidate fails, by second, instance and user."""


Pods = Callable[[int], list[str]]
"""The candidate's instances, by second."""


def every_pod(_second: int) -> list[str]:
    """All of them, all the time."""
    return PODS


def action(
    failing: Failing,
    pods: Pods = every_pod,
    *,
    emitters: bool = True,
    users: bool = True,
    seconds: int = SECONDS,
    sli: str = "error_rate",
) -> str:
    """Return the last decision's action on this traffic: a third is the candidate's, 2% of the others fail."""
    rng = random.Random(3)

    def lines() -> Iterator[bytes]:
        for number in range(seconds * RPS):
            second, canary = number // RPS, number % 3 == 0
            pod = rng.choice(pods(second) if canary else PODS)
            user = "crawler" if number % 9 == 0 else f"u{rng.randrange(10_000)}"
            rate = failing(second, pod, user) if canary else 0.02
            event = {"ts": T0 + number * 1_000 // RPS, "rollout": "r", "cohort": "canary" if canary else "stable"}
            bad, latency = rng.random() < rate, {"latency_ms": 5.0}
            event |= latency | (
                {"status": 503 if bad else 200} if sli == "error_rate" else {"status": 200, "success": not bad}
            )
            event |= ({"emitter": pod} if emitters else {}) | ({"user": user} if users else {})
            yield json.dumps(event).encode()

    return [decision.action for decision in distinct_decisions(Replay(POLICIES[sli]).run(lines()))][-1]


def one_pod(_second: int, pod: str, _user: str) -> float:
    """One instance fails a quarter."""
    return 0.25 if pod == PODS[0] else 0.02


def one_user(_second: int, _pod: str, user: str) -> float:
    """One client, with a third of the requests, fails half the time."""
    return 0.5 if user == "crawler" else 0.02


def all_alike(_second: int, _pod: str, _user: str) -> float:
    """All instances and clients fail alike."""
    return 0.2


@pytest.mark.parametrize("sli", ["error_rate", "success_rate"])
def test_one_instance_of_several_decides_nothing(sli: str) -> None:
    """Where events name their emitters; without them nobody can know that it is one."""
    assert action(one_pod, sli=sli) != "rollback"
    assert action(one_pod, sli=sli, emitters=False) == "rollback"


def test_two_instances_of_several_do() -> None:
    """Whichever is left out, the others show it."""
    assert action(lambda _second, pod, _user: 0.25 if pod in PODS[:2] else 0.02) == "rollback"


def test_a_sole_instance_does() -> None:
    """It is the whole candidate."""
    assert action(one_pod, lambda _second: PODS[:1]) == "rollback"


@pytest.mark.parametrize("sli", ["error_rate", "success_rate"])
def test_one_client_decides_nothing(sli: str) -> None:
    """Where events name their users."""
    assert action(one_user, sli=sli) != "rollback"
    assert action(one_user, sli=sli, users=False) == "rollback"


@pytest.mark.parametrize("pods", [every_pod, lambda second: [f"pod-{second}-{number}" for number in range(50)]])
def test_a_candidate_that_is_worse_throughout_is_rolled_back(pods: Pods) -> None:
    """With users and emitters in all events, and also with an emitter in nearly every request."""
    assert action(all_alike, pods) == "rollback"


def test_an_instance_that_appears_later_shields_nobody() -> None:
    """Its part starts with the mass begun so far, unspent."""
    assert action(all_alike, lambda second: PODS[: 1 + second // 4]) == "rollback"
    failing_later: Failing = lambda second, _pod, _user: 0.25 if second > SECONDS // 3 else 0.02  # noqa: E731
    assert action(failing_later, lambda second: PODS[: 1 + second // (SECONDS // 2)]) == "rollback"


def test_an_instance_that_failed_and_is_gone_decides_nothing() -> None:
    """What it did stays evidence of one instance, whether one or two others are left."""
    assert action(one_pod, lambda second: PODS[:2] if second < 20 else PODS[1:2]) != "rollback"
    assert action(one_pod, lambda second: PODS[:3] if second < 20 else PODS[1:3]) != "rollback"


def test_the_last_instance_is_the_candidate_after_a_minute() -> None:
    """The other one is gone after ten seconds, and this one fails all the time."""
    pods: Pods = lambda second: PODS[:2] if second < 10 else PODS[:1]  # noqa: E731
    assert action(one_pod, pods, seconds=65) != "rollback"
    assert action(one_pod, pods, seconds=100) == "rollback"
