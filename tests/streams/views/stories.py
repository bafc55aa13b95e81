"""Statuses of rollouts whose orders were not carried out as they should be, made by the real fold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import chain, repeat
from typing import Any, Literal

import msgspec

from gates.decisions import Decision
from gates.policy import Policy
from streams.journal import Ack
from streams.judge.outputs import RolloutStatus
from streams.offline.replay import Replay, distinct_decisions
from tools.topics_page import examples

BEGIN = examples.BEGIN
ROLLOUT = examples.ROLLOUT
REFUSED = "ConnectionRefusedError: [Errno 111] Connect call failed ('10.0.7.4', 9999)"
FIRST = {"stable": 90, "canary": 10}
NONE = {"stable": 100, "canary": 0}

STAGE = {"name": "canary", "weight": "10%", "bake": "10m"}

Status = Literal["applied", "failed", "rejected", "expired"]
Document = Mapping[str, Any]
Order = tuple[int, Ack]


def policy(*actuators: str) -> Policy:
    """The policy of the examples, with the actuators that must confirm."""
    commands: dict[str, Any] = {"ack_within": "2s", "tries": 3}
    no_data = {"hold_after": "5s"}
    if actuators:
        commands["actuators"] = list(actuators)
    return Policy.parse(examples.policy().document() | {"commands": commands, "no_data": no_data})


def ack(
    after_ms: int, sequence: int, actuator: str, status: Status, weights: Mapping[str, float], reason: str = ""
) -> Order:
    """An ack that arrives so long after the start."""
    return BEGIN + after_ms, Ack(
        id=f"{ROLLOUT}:1:{sequence}",
        rollout=ROLLOUT,
        epoch=1,
        sequence=sequence,
        actuator=actuator,
        status=status,
        weights=dict(weights),
        reason=reason,
        at=BEGIN + after_ms,
    )


def traffic(seconds: int, bad_from: int | None, unreadable_from: int | None) -> Iterator[bytes]:
    """200 requests per second, a tenth of them from the canary.

    From `bad_from` on (seconds) these fail; from `unreadable_from` on, three of four have a status that is none.
    """
    for number in range(seconds * 200):
        canary, after_ms = number % 10 == 0, number * 5
        bad = canary and bad_from is not None and after_ms >= bad_from * 1_000
        broken = unreadable_from is not None and after_ms >= unreadable_from * 1_000 and number % 40 != 0
        status: object = "OK" if canary and broken else 500 if bad else 200
        event = {"ts": BEGIN + after_ms, "rollout": ROLLOUT, "cohort": "canary" if canary else "stable"}
        yield msgspec.json.encode(event | {"status": status, "latency_ms": 12.5})


def story(
    *orders: Order,
    names: tuple[str, ...] = ("haproxy-eu", "haproxy-us"),
    seconds: int = 10,
    bad_from: int | None = 5,
    unreadable_from: int | None = None,
) -> tuple[Document, list[Document]]:
    """The last status, and all decisions."""
    lines = traffic(seconds, bad_from, unreadable_from)
    outputs = list(Replay(policy(*names), acks=False).run(lines, orders))
    statuses = [output.document for output in outputs if isinstance(output, RolloutStatus)]
    return statuses[-1], [one.document() for one in distinct_decisions(outputs) if isinstance(one, Decision)]


def both_confirm(after_ms: int, sequence: int, weights: Mapping[str, float]) -> tuple[Order, Order]:
    """Acks of both actuators that confirm the order."""
    return (
        ack(after_ms, sequence, "haproxy-eu", "applied", weights),
        ack(after_ms + 200, sequence, "haproxy-us", "applied", weights),
    )


@cache
def failed() -> tuple[Document, list[Document]]:
    """A rollback that both actuators failed to carry out."""
    return story(
        *both_confirm(1_000, 1, FIRST),
        ack(9_000, 2, "haproxy-eu", "failed", FIRST, REFUSED),
        ack(9_000, 2, "haproxy-us", "failed", FIRST, "RuntimeError: haproxy did not reload"),
    )


@cache
def given_up() -> tuple[Document, list[Document]]:
    """The same rollback after its tries: decided again, as an order of its own, and failed again."""
    return story(
        *both_confirm(1_000, 1, FIRST),
        ack(9_000, 2, "haproxy-eu", "failed", FIRST, REFUSED),
        ack(16_000, 3, "haproxy-eu", "failed", FIRST, REFUSED),
        ack(16_000, 3, "haproxy-us", "failed", FIRST, "RuntimeError: haproxy did not reload"),
        seconds=17,
    )


@cache
def half_confirmed() -> tuple[Document, list[Document]]:
    """A first stage that one of two actuators confirmed while the other failed."""
    return story(
        ack(1_000, 1, "haproxy-eu", "applied", FIRST),
        ack(1_200, 1, "haproxy-us", "failed", {}, REFUSED),
        seconds=4,
        bad_from=None,
    )


@cache
def overdue() -> tuple[Document, list[Document]]:
    """A first stage for which one actuator of two never reports."""
    return story(ack(1_000, 1, "haproxy-eu", "applied", FIRST), seconds=12, bad_from=None)


@cache
def confirmed() -> tuple[Document, list[Document]]:
    """A rollback that both actuators carried out."""
    return story(*both_confirm(1_000, 1, FIRST), *both_confirm(9_000, 2, NONE))


def compared() -> Policy:
    """A policy whose only check compares errors."""
    checks = {"errors": {"sli": "error_rate", "ratio": 1.25}}
    return Policy.parse(examples.policy().document() | {"checks": checks, "stages": [STAGE]})


def seconds_of(seconds: int, canary: int, stable: int) -> Iterator[tuple[int, int]]:
    """Seconds that each have these errors of the canary (of 20 requests) and of stable (of 180)."""
    return repeat((canary, stable), seconds)


def judged_by_blocks(*parts: Iterable[tuple[int, int]]) -> tuple[Document, list[Document]]:
    """The last status, and all decisions, of a rollout whose only check compares errors."""
    lines = []
    for second, bad in enumerate(chain(*parts)):
        for cohort, requests, errors in (("canary", 20, bad[0]), ("stable", 180, bad[1])):
            event = {"rollout": ROLLOUT, "cohort": cohort, "ts": BEGIN + second * 1_000, "latency_ms": 12.5}
            lines += [msgspec.json.encode(event | {"status": 500}) for _ in range(errors)]
            lines += [msgspec.json.encode(event | {"status": 200}) for _ in range(requests - errors)]
    outputs = list(Replay(compared()).run(lines))
    statuses = [output.document for output in outputs if isinstance(output, RolloutStatus)]
    return statuses[-1], [one.document() for one in distinct_decisions(outputs) if isinstance(one, Decision)]


@cache
def failed_in_blocks() -> tuple[Document, list[Document]]:
    """A good minute with one burst of errors, and then a candidate that fails each fourth request."""
    burst = [(20, 2)]
    return judged_by_blocks(seconds_of(40, 0, 2), burst, seconds_of(20, 0, 2), seconds_of(60, 5, 2))


@cache
def failed_at_once() -> tuple[Document, list[Document]]:
    """A candidate that fails all requests."""
    return judged_by_blocks(seconds_of(10, 20, 2))


@cache
def in_bursts() -> tuple[Document, list[Document]]:
    """Errors of both cohorts come in bursts of four seconds."""
    part = [*seconds_of(17, 0, 1), *seconds_of(4, 1, 6)]
    return judged_by_blocks(*repeat(part, 8))


@cache
def unreadable() -> tuple[Document, list[Document]]:
    """A first stage of whose candidate three of four events cannot be read."""
    return story(*both_confirm(1_000, 1, FIRST), seconds=20, bad_from=None, unreadable_from=0)
