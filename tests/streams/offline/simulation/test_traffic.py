"""Simulated panes are as the scenario describes them."""

from itertools import pairwise
from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.panes import Pane
from gates.policy import Cohorts
from streams.offline.simulation.named import SCENARIOS
from streams.offline.simulation.run import START_MS
from streams.offline.simulation.scenario import Scenario
from streams.offline.simulation.traffic import panes

SIGMAS = 4.5
"""A right generator misses such a bound once in 150,000 seeds, and these seeds are fixed."""

COHORTS = Cohorts(baseline="stable", candidate="canary")


def made(weight: float = 0.1, seed: int = 1, **document: object) -> list[Pane]:
    """The panes of a scenario in which the candidate is wanted to get this share."""
    scenario = Scenario.parse({"duration": "10m", **document})
    return list(panes(scenario, np.random.default_rng(seed), START_MS, 1_000, lambda: weight, COHORTS))


def counted(found: list[Pane], cohort: str) -> tuple[int, int]:
    """Requests and errors of a cohort."""
    cells = [pane.cell(cohort) for pane in found]
    return sum(cell.requests for cell in cells), sum(cell.errors(["5xx"]) for cell in cells)


def assert_binomial(successes: int, trials: int, share: float) -> None:
    """Check that the number of successes is likely with this share."""
    assert abs(successes - trials * share) <= SIGMAS * sqrt(trials * share * (1 - share))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("weight", "factor"), [(0.01, 1.0), (0.5, 0.7), (1.0, 1.0)])
def test_rates_and_shares_are_those_wanted(seed: int, weight: float, factor: float) -> None:
    """Requests a second, the candidate's share and both error rates."""
    change = {"at": "0s", "candidate": {"error_ratio": 3}}
    found = made(weight, seed, rps=300, error_rate="2%", share_factor=factor, changes=[change])
    requests, errors = counted(found, "canary")
    others, other_errors = counted(found, "stable")
    assert abs(requests + others - 600 * 300) <= SIGMAS * sqrt(600 * 300)
    assert_binomial(requests, requests + others, weight * factor)
    assert_binomial(errors, requests, 0.06)
    assert_binomial(other_errors, others, 0.02)


@pytest.mark.parametrize("phi", [1.0, 5.0, 20.0])
def test_errors_come_in_clusters(phi: float) -> None:
    """The variance of the errors is phi times their mean, which stays what it was."""
    found = made(0.0, rps=1_000, error_rate="2%", clusters=phi, duration="1h")
    errors = np.array([pane.cell("stable").errors(["5xx"]) for pane in found])
    assert errors.mean() == pytest.approx(20.0, rel=SIGMAS * sqrt(phi / 20.0 / len(errors)))
    # given the requests it is phi; that these are Poisson adds the error rate
    assert errors.var() / errors.mean() == pytest.approx(phi + 0.02, rel=0.15)


def test_a_cluster_is_of_one_user() -> None:
    """The halves of an A/A split are as overdispersed as the whole, and add up to it."""
    found = made(0.0, rps=1_000, error_rate="2%", clusters=8, duration="30m", users=True)
    cells = [pane.cell("stable") for pane in found]
    even = np.array([cell.detail.halves[4] for cell in cells])
    assert even.var() / even.mean() == pytest.approx(8.0, rel=0.2)
    for cell in cells:
        halves = cell.detail.halves
        assert tuple(map(sum, zip(halves[:7], halves[7:], strict=True))) == cell.counts


def test_users_are_a_sample_of_uniform_hashes() -> None:
    """Ascending, distinct, at most 32; the k-th smallest of n is k/(n + 1) of the whole on average."""
    found = made(0.5, rps=200, users=True, duration="30m")
    cells = [pane.cell("stable") for pane in found]
    for cell in cells:
        users = cell.detail.users
        assert len(users) == 32
        assert list(users) == sorted(set(users))
    guesses = [(cell.requests + 1) * cell.detail.users[31] / 2**32 / 32 for cell in cells]
    assert np.mean(guesses) == pytest.approx(1.0, abs=SIGMAS / sqrt(32 * len(guesses)))
    assert len(made(0.5, rps=8, users=True)[0].cell("stable").detail.users) <= 8


def test_nobody_is_known_without_users() -> None:
    """Plain events have no details."""
    assert made()[0].cell("stable").detail.users == ()


def test_silent_and_broken_panes() -> None:
    """A silent cohort is missing, an outage leaves nothing and is marked, and both end."""
    found = made(
        changes=[
            {"at": "2s", "until": "4s", "silent": ["candidate"]},
            {"at": "6s", "until": "8s", "outage": True},
        ]
    )[:10]
    assert ["canary" in pane.cells for pane in found] == [
        True,
        True,
        False,
        False,
        True,
        True,
        False,
        False,
        True,
        True,
    ]
    assert ["stable" in pane.cells for pane in found] == [*[True] * 6, False, False, True, True]
    assert [pane.broken for pane in found] == [*[False] * 6, True, True, False, False]
    assert [pane.complete for pane in found] == [not pane.broken for pane in found]
    assert [pane.start for pane in found] == [START_MS + second * 1_000 for second in range(10)]


def test_changes_do_what_they_say() -> None:
    """Shared trouble, bursts and a candidate that is down."""
    burst = made(changes=[{"at": "5m", "rps_factor": 4}], rps=100)
    assert counted(burst[300:], "stable")[0] == pytest.approx(4 * counted(burst[:300], "stable")[0], rel=0.05)
    shared = made(changes=[{"at": "0s", "both": {"error_rate": "30%"}}])
    for cohort in ("stable", "canary"):
        requests, errors = counted(shared, cohort)
        assert_binomial(errors, requests, 0.3)
    down = made(changes=[{"at": "0s", "down": True}], clusters=5)
    requests, errors = counted(down, "canary")
    assert requests == errors > 0


def test_latency_changes() -> None:
    """One and a half times as slow, and more of the slow tail."""
    slow = made(0.5, changes=[{"at": "0s", "candidate": {"latency_factor": 1.5}}])[0]
    tail = made(0.5, rps=20_000, changes=[{"at": "0s", "candidate": {"tail_factor": 4}}])[0]
    ratios = [
        [pane.cell("canary").latency.quantile(q) / pane.cell("stable").latency.quantile(q) for q in (0.5, 0.95)]  # type: ignore[operator]
        for pane in (slow, tail)
    ]
    assert ratios[0][0] == pytest.approx(1.5, rel=0.15)
    assert ratios[1][0] < 1.15
    assert ratios[1][1] > 1.5


def test_even_arrivals_take_turns() -> None:
    """One request a second at half: each cohort has every other; at a rate of a half, every fourth second."""
    for rps, weight, step in ((1, 0.5, 2), (0.5, 0.5, 4), (10, 0.01, 10)):
        found = made(weight, rps=rps, arrivals="even")
        assert counted(found, "canary")[0] + counted(found, "stable")[0] == 600 * rps
        seconds = [number for number, pane in enumerate(found) if pane.cell("canary").requests]
        assert {later - sooner for sooner, later in pairwise(seconds)} == {step}


def test_structured_traffic_has_the_ordered_share() -> None:
    """With instances, users and clients; a silent cohort is left out, and its sessions go on."""
    silent = {"at": "2s", "until": "4s", "silent": ["candidate"]}
    found = made(0.2, rps=300, users=True, instances={}, sessions={"errors": 5, "spread": "5s"}, changes=[silent])
    requests, errors = counted(found, "canary")
    others, other_errors = counted(found, "stable")
    assert requests / (requests + others) == pytest.approx(0.2, abs=0.01)
    assert (errors + other_errors) / (requests + others) == pytest.approx(0.005, rel=0.4)
    assert ["canary" in pane.cells for pane in found[:6]] == [True, True, False, False, True, True]


def test_clients_go_to_their_cohort() -> None:
    """A crawler of the candidate alone makes its errors there, also where the candidate has no other request."""
    crawler = {"at": "0s", "length": "1h", "rps": 2, "to_candidate": True}
    found = made(0.0, rps=100, error_rate=0, clients=[crawler])
    assert counted(found, "stable")[1] == 0
    requests, errors = counted(found, "canary")
    assert requests == errors == pytest.approx(1_200, abs=160)


@given(st.integers(0, 2**32), st.sampled_from(sorted(SCENARIOS)))
def test_the_same_seed_gives_the_same_panes(seed: int, name: str) -> None:
    """Byte for byte."""
    scenario = SCENARIOS[name].model_copy(update={"duration_ms": 3_000})
    twice = [list(panes(scenario, np.random.default_rng(seed), 0, 1_000, lambda: 0.3, COHORTS)) for _ in range(2)]
    assert repr(twice[0]).encode() == repr(twice[1]).encode()
    assert twice[0] == twice[1]
