"""The split of traffic: few false doubts, quick true ones, bounded state."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import blake2b
from typing import Any

import numpy as np
import pytest

from gates.documents.state import Codec
from gates.evidence.traffic_split import BOTH, MOST_USERS, SplitState, TrafficSplit
from gates.panes import Cell
from gates.policy import Cohorts, DataQuality
from tests.gates.pane_builders import BASELINE, CANDIDATE, cell, pane

COHORTS = Cohorts(baseline=BASELINE, candidate=CANDIDATE)


def split(weight: float, **rules: object) -> TrafficSplit:
    """A stage at this weight."""
    found = TrafficSplit(COHORTS, DataQuality.model_validate(rules), 0.01)
    found.start(weight)
    return found


def hashes(users: np.ndarray) -> list[int]:
    """The users' 32-bit hashes."""
    return [int.from_bytes(blake2b(b"%d" % user, digest_size=4).digest(), "big") for user in users]


def falls(users: np.ndarray, share: float, salt: int) -> np.ndarray:
    """Whether each user falls to the candidate: decided by a second hash, always the same."""
    return np.array([int.from_bytes(blake2b(b"%d/%d" % (salt, u), digest_size=4).digest(), "big") for u in users]) < (
        share * 2**32
    )


def run(
    weight: float, share: float, seconds: int, seed: int, *, rps: int = 100, pool: int = 5_000, zipf: bool = False
) -> int | None:
    """The second at which there is a doubt; None if there is none. With `zipf` few users make most of the requests."""
    rng, known = np.random.default_rng(seed), split(weight)
    chances = 1.0 / np.arange(1, pool + 1) if zipf else np.ones(pool)
    chances /= chances.sum()
    for second in range(seconds):
        users = rng.choice(pool, rps, p=chances)
        mine = falls(users, share, seed)
        cells = [cell(len(part), users=tuple(hashes(part))) for part in (users[mine], users[~mine])]
        known.observe(pane(second, *cells))
        if known.doubts():
            return second
    return None


@pytest.mark.parametrize(("weight", "zipf"), [(0.5, False), (0.1, False), (0.5, True), (0.1, True)])
def test_traffic_as_ordered_is_rarely_doubted(weight: float, zipf: bool) -> None:
    """At any of a hundred looks, over many seeds; a user with most of the requests counts once."""
    assert sum(run(weight, weight, 100, seed, zipf=zipf) is not None for seed in range(15)) <= 1


@pytest.mark.parametrize(("weight", "share"), [(0.5, 0.25), (0.1, 0.05), (0.5, 0.75)])
def test_half_the_share_is_doubted_within_tens_of_seconds(weight: float, share: float) -> None:
    """Every time, and soon enough to hold the stage."""
    found = [run(weight, share, 300, seed, rps=200, pool=20_000) for seed in range(4)]
    assert all(second is not None and second < (60 if weight == 0.5 else 300) for second in found), found


def test_contamination_is_counted_once_a_user() -> None:
    """Users in both cohorts: no doubt below the allowance or below twenty; above, the doubt has their number."""
    known = split(0.5, sample_ratio=False)
    for second in range(40):
        both = tuple(range(second * 20, second * 20 + 1)) if second >= 20 else ()
        mine = (*both, *range(10_000 + second * 20, 10_000 + second * 20 + 10))
        theirs = (*both, *range(90_000 + second * 20, 90_000 + second * 20 + 10))
        for _ in range(2):
            known.observe(pane(second, cell(20, users=mine), cell(20, users=theirs)))
        assert bool(known.doubts()) == (second >= 39)
    assert known.doubts()[0].startswith("20 of 820 users were in both cohorts, at most 1% allowed")


def test_forgotten_users_are_not_held_against_the_stage() -> None:
    """Half a per cent in both cohorts stays half a per cent, however many users are added and dropped."""
    rng, known = np.random.default_rng(1), split(0.5, sample_ratio=False)
    shares = []
    for second in range(3_000):
        users = np.sort(rng.integers(0, 2**32, 28))
        mine = rng.random(28) < 0.5
        roams = rng.random(28) < 0.005
        cells = [cell(28, users=tuple(int(u) for u in users[part | roams])) for part in (mine, ~mine)]
        known.observe(pane(second, *cells))
        if second % 100:
            continue
        state = known.state()
        shares.append(state.in_both / max(1, len(state.users)))
        assert state.in_both == sum(cohort == BOTH for _, cohort in state.users)
    assert len(known.state().users) == MOST_USERS
    assert max(shares[5:]) < 0.01
    assert known.doubts() == ()


def test_unknown_cohorts_are_counted_by_requests() -> None:
    """Another cohort's requests and those without one: allowed up to 1 %, and up to twenty."""
    known = split(0.1)
    for second in range(3):
        known.observe(pane(second, cell(10), cell(84), others={"": cell(3), "shadow": cell(3)}))
        assert known.doubts() == ()
    known.observe(pane(3, cell(10), cell(84), others={"": cell(3), "shadow": cell(3)}))
    assert known.doubts() == (
        "24 of 400 requests were of neither canary nor stable, at most 1% allowed (unknown_cohorts); "
        "check the cohort of the events",
    )
    allowed = split(0.1, unknown_cohorts=0.1)
    for second in range(10):
        allowed.observe(pane(second, cell(10), cell(84), others={"": cell(6)}))
    assert allowed.doubts() == ()


@pytest.mark.parametrize(("judged_from", "requests"), [(200, "22 of 116"), (None, "")])
def test_unreadable_events_of_unknown_cohorts(judged_from: int | None, requests: str) -> None:
    """They count as well, but not in an epoch of rules 1; those of the two cohorts are a matter of completeness."""
    known = TrafficSplit(COHORTS, DataQuality(), 0.01, judged_from)
    known.start(0.1)
    unreadable = {"": Cell(unreadable=20), "shadow": Cell(unreadable=2)}
    known.observe(pane(0, replace(cell(10), unreadable=9), cell(84), others=unreadable))
    assert [doubt.partition(" requests")[0] for doubt in known.doubts()] == [requests] * bool(requests)


def test_a_new_stage_starts_anew() -> None:
    """A doubt at one weight is dropped at the next; at 100 % there is no split to doubt."""
    known = split(0.1)
    for second in range(60):
        known.observe(pane(second, cell(20, users=tuple(range(second * 20, second * 20 + 20))), cell(20)))
    assert known.doubts()
    known.start(0.5)
    assert known.doubts() == ()
    known.start(1.0)
    for second in range(60):
        known.observe(pane(second, cell(20, users=tuple(range(second * 20, second * 20 + 20))), None))
    assert known.doubts() == ()


def test_the_switch_turns_off_the_ratio_alone() -> None:
    """`sample_ratio: false` ignores a mismatch, and still doubts unknown cohorts."""
    known = split(0.5, sample_ratio=False)
    for second in range(60):
        users = tuple(range(second * 20, second * 20 + 20))
        known.observe(pane(second, cell(20, users=users), cell(20), others={"x": cell(20)}))
    assert ["(unknown_cohorts)" in doubt for doubt in known.doubts()] == [True]


def test_a_restored_split_continues_bit_for_bit() -> None:
    """Through JSON, also when the table of users is full: the same doubts and the same state from then on."""
    rng, known = np.random.default_rng(7), split(0.3)
    for second in range(400):
        cells = [cell(32, users=tuple(int(u) for u in rng.integers(0, 2**32, 32))) for _ in range(2)]
        if second % 40 == 39:
            other = split(0.5)
            codec = Codec(SplitState)
            other.restore(codec.decode(json.loads(json.dumps(codec.encode(known.state())))))
            assert other.state() == known.state()
            for each in (known, other):
                each.observe(pane(second, *cells))
            assert other.state() == known.state()
            assert other.doubts() == known.doubts()
            known = other
        known.observe(pane(second, *cells))


def judged(
    weight: float, candidate: int, baseline: int, *, seconds: int = 1, judged_from: int = 20, **rules: object
) -> str:
    """The doubt after this many panes with these requests; "" if there is none."""
    known = TrafficSplit(COHORTS, DataQuality.model_validate(rules), 0.01, judged_from)
    known.start(weight)
    for second in range(seconds):
        known.observe(pane(second, cell(candidate), cell(baseline)))
    return "; ".join(known.doubts())


@pytest.mark.parametrize(
    ("weight", "candidate", "baseline", "doubted"),
    [
        (0.1, 10, 90, False),
        (0.1, 14, 86, False),
        (0.1, 16, 84, True),
        (0.1, 90, 10, True),
        (0.9, 84, 16, True),
        (0.01, 2, 98, False),
        (0.01, 0, 100, False),
        (0.5, 20, 80, True),
        (0.5, 30, 70, False),
        (1.0, 100, 0, False),
        (1.0, 96, 4, False),
        (1.0, 90, 10, True),
    ],
)
def test_the_share_of_the_requests_is_held_against_the_weight(
    weight: float, candidate: int, baseline: int, doubted: bool
) -> None:
    """Half of the smaller weight, one point at least; at 100% nearly all."""
    assert bool(judged(weight, candidate, baseline, seconds=100)) is doubted


def test_the_share_is_doubted_with_its_numbers_and_not_by_chance() -> None:
    """Some panes after the confirmation, beyond what so few requests can be off, unless the policy switches it off."""
    assert judged(0.1, 90, 10, seconds=22) == (
        "canary got 90% of the requests (1,530 of 1,700), ordered 10% (split); "
        "check the router and the cohort of the events"
    )
    assert judged(0.1, 90, 10, seconds=20) == ""
    assert judged(0.1, 9, 1, seconds=24, judged_from=200) == ""
    assert judged(0.1, 1, 4, seconds=24) == ""
    assert judged(0.1, 90, 10, seconds=24, split="100%") == ""


@pytest.mark.parametrize(
    ("weight", "candidate", "changes", "found"),
    [
        (0.25, 75, {}, "canary got 75% of the requests (1,050 of 1,400), ordered 25% (split)"),
        (0.25, 30, {}, ""),
        (1.0, 60, {}, "canary got 60% of the requests (840 of 1,400), ordered 100% (split)"),
        (1.0, 97, {}, ""),
        (0.25, 75, {"split": "100%"}, ""),
        (0.25, 75, {"judged_from": None}, ""),
    ],
)
def test_an_advance_waits_for_the_split_before_chance_is_ruled_out(
    weight: float, candidate: int, changes: dict[str, Any], found: str
) -> None:
    """A stage may be shorter than a doubt takes; an older epoch, and a policy without the check, do not wait."""
    rules = DataQuality.model_validate({"split": changes["split"]} if "split" in changes else {})
    known = TrafficSplit(COHORTS, rules, 0.01, changes.get("judged_from", 200))
    known.start(weight)
    assert known.unsettled() == ""
    for second in range(19):
        known.observe(pane(second, cell(candidate), cell(100 - candidate)))
    assert known.unsettled() == found
    assert known.doubts() == ()


@pytest.mark.parametrize("weight", [0.01, 0.1, 0.5, 0.95])
def test_honest_routers_are_not_doubted(weight: float) -> None:
    """Fifty rollouts of ten minutes, looked at each second; the traffic comes in sessions of one to twenty requests."""
    rng = np.random.default_rng(9)
    doubted = 0
    for _ in range(50):
        known = TrafficSplit(COHORTS, DataQuality(), 0.01, 200)
        known.start(weight)
        for second in range(600):
            sessions = rng.integers(1, 21, 10)
            own = int(sessions[rng.random(10) < weight].sum())
            known.observe(pane(second, cell(own), cell(int(sessions.sum()) - own)))
            if known.doubts():
                doubted += 1
                break
    assert doubted <= 2
