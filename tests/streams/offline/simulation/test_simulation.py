"""Simulated rollouts: the traffic is as described, the same seed gives the same runs, the figures add up."""

import re
import signal
from dataclasses import replace
from math import inf, sqrt

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gates.decisions import Action
from gates.machine.transitions import Phase
from gates.panes import Pane
from gates.policy import Cohorts, Policy
from gates.stats.histogram import Histogram
from streams.offline.simulation.engine import simulate
from streams.offline.simulation.estimates import Proportion, quantile
from streams.offline.simulation.latencies import MANY, TAIL_MEDIAN, TAIL_SPREAD, draw
from streams.offline.simulation.run import START_MS, Run, Taken, simulate_run
from streams.offline.simulation.summary import summarise
from streams.offline.simulation.traffic import SCENARIOS, Latency, Scenario, panes
from tests.paths import ROOT

SIGMAS = 4.5
"""A right generator misses such a bound once in 150,000 seeds, and these seeds are fixed."""

POLICY = Policy.parse(
    {
        "schema": "sluicegate.policy/v1",
        "rollout": "r",
        "cohorts": {"baseline": "stable", "candidate": "canary"},
        "stages": [
            {"name": "tenth", "weight": "10%", "bake": "20s"},
            {"name": "half", "weight": "50%", "bake": "20s"},
        ],
        "checks": {"errors": {"sli": "error_rate", "ratio": 1.25, "limit": "10%", "window": "10s"}},
    }
)
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
    """So many are to be expected with this share."""
    assert abs(successes - trials * share) <= SIGMAS * sqrt(trials * share * (1 - share))


# What traffic is like


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
    """A silent cohort is missing, an outage leaves nothing and says so, and both end."""
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


def test_a_drift_is_a_wave_on_a_slope() -> None:
    """At the top of the wave, half way up to three times the rate."""
    scenario = Scenario.parse({"duration": "20m", "drift": {"sine": {"period": "40m", "amplitude": "50%"}, "ramp": 3}})
    assert scenario.at(600_000).baseline.error_rate == pytest.approx(0.005 * 1.5 * 2.0)
    assert scenario.at(600_000).candidate == scenario.at(600_000).baseline


@pytest.mark.parametrize("requests", [MANY - 1, 200_000])
def test_latencies_are_as_if_drawn_one_by_one(requests: int) -> None:
    """Few or many at once: the histogram's quantiles are those of lognormal draws with a slow tail."""
    latency, rng = Latency(median_ms=80, spread=0.4, tail=0.1), np.random.default_rng(3)
    merged = Histogram()
    for _ in range(200_000 // requests):
        drawn = draw(latency, requests, rng)
        assert drawn.total == requests
        merged = merged.merge(drawn)
    slow = rng.random(200_000) < latency.tail
    plain = rng.lognormal(np.log(80.0), latency.spread, 200_000)
    tail = rng.lognormal(np.log(80.0 * TAIL_MEDIAN), TAIL_SPREAD, 200_000)
    reference = Histogram.of(np.where(slow, tail, plain))
    for q in (0.5, 0.95, 0.99):
        assert merged.quantile(q) == pytest.approx(reference.quantile(q), rel=0.03)


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


# How traffic is described


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "a list is not a mapping"),
        ({"rate": 1}, "'rate' is not a key here: write one of rps, duration"),
        ({"rps": "many"}, "rps: 'many' is not a number"),
        ({"duration": 30}, "duration: 30 has no unit"),
        ({"duration": "0s"}, "duration: 0s is no time at all"),
        ({"error_rate": 5}, "error_rate: 5 is not a share"),
        ({"clusters": 0.5}, "clusters: 0.5 is out of range: write a number from 1 to 1000"),
        ({"users": "yes"}, "users: 'yes' is neither true nor false"),
        ({"changes": {"at": "1s"}}, "changes: a mapping is not a list"),
        ({"changes": [{"at": "0s"}, {"until": "1s"}]}, "changes: number 2: at is missing"),
        ({"changes": [{"at": "2s", "until": "2s"}]}, "changes: number 1: a change ends after it began"),
        ({"changes": [{"at": "0s", "silent": ["canary"]}]}, "number 1: silent: a list is not a list of: candidate"),
        ({"changes": [{"at": "0s", "candidate": {"factor": 2}}]}, "candidate: 'factor' is not a key here"),
        ({"drift": {"sine": {"period": "1m"}}}, "drift: sine: amplitude is missing"),
        ({"latency": {"factor": 2}}, "latency: 'factor' is not a key here"),
    ],
)
def test_what_cannot_be_is_refused_in_words(document: object, message: str) -> None:
    """The message says where, what is wrong, and what would be right."""
    with pytest.raises(ValueError, match=re.escape(message)):
        Scenario.parse(document)


def test_the_example_in_the_docs_is_a_scenario() -> None:
    """It reads, and each of its keys does something."""
    page = (ROOT / "docs/simulate.md").read_text()
    example = page.split("```yaml\n")[1].split("```")[0]
    scenario = Scenario.parse(yaml.safe_load(example))
    usual = Scenario()
    assert all(getattr(scenario, name) != getattr(usual, name) for name in Scenario.__slots__ if name != "share_factor")
    assert scenario.harmful_at_ms == 900_000


def test_only_what_makes_the_candidate_worse_is_harmful() -> None:
    """The first change that does counts; trouble of both, silence and improvements do not."""
    fine = {"healthy", "drift", "bursts", "wrong-share", "clustered-errors", "outage-60s", "shared-cause"}
    assert {name for name, scenario in SCENARIOS.items() if not scenario.harmful} == fine
    better = {"at": "1s", "candidate": {"error_ratio": 0.5, "latency_factor": 0.5}}
    later = {"at": "9s", "candidate": {"error_rate": "2%"}}
    assert not Scenario.parse({"changes": [better]}).harmful
    assert Scenario.parse({"changes": [later, better]}).harmful_at_ms == 9_000
    assert not Scenario.parse({"changes": [later], "duration": "9s"}).harmful


# Runs


def test_a_good_candidate_is_promoted_and_a_bad_one_rolled_back() -> None:
    """The gate sees the panes, and its decisions are obeyed and acknowledged."""
    healthy = simulate_run(POLICY, replace(SCENARIOS["healthy"], duration_ms=120_000, users=False), 1, 0)
    moved = [taken for taken in healthy.actions if taken.action is not Action.HOLD]
    assert [taken.action for taken in moved] == [Action.START, Action.ADVANCE, Action.PROMOTE]
    assert [taken.weight for taken in moved] == [0.1, 0.5, 1.0]
    assert (healthy.end, healthy.stage, healthy.delay_ms) == (Phase.PROMOTED, "half", None)
    down = simulate_run(POLICY, Scenario.parse({"changes": [{"at": "10s", "down": True}]}), 1, 0)
    assert (down.end, down.rollback_ms) == (Phase.ROLLED_BACK, 10_000 + (down.delay_ms or 0))
    assert 0 < (down.delay_ms or 0) <= 3_000
    assert not down.falsely_rolled_back


def test_an_outage_holds() -> None:
    """Broken telemetry never rolls back, and the rollout goes on afterwards."""
    run = simulate_run(POLICY, Scenario.parse({"changes": [{"at": "10s", "until": "40s", "outage": True}]}), 1, 0)
    actions = [taken.action for taken in run.actions]
    assert actions[:3] == [Action.START, Action.HOLD, Action.RESUME]
    assert actions[-1] is Action.PROMOTE


def test_the_same_seed_gives_the_same_runs() -> None:
    """However many processes, and however many runs: each run hangs on the seed and its number alone."""
    scenario = replace(SCENARIOS["error-x2"], duration_ms=60_000)
    before = signal.getsignal(signal.SIGINT)
    alone = simulate(POLICY, scenario, runs=4, jobs=1, seed=7)
    calls: list[None] = []
    assert simulate(POLICY, scenario, runs=4, jobs=2, seed=7, done=lambda: calls.append(None)) == alone
    assert len(calls) == 4
    assert signal.getsignal(signal.SIGINT) is before
    assert simulate(POLICY, scenario, runs=2, jobs=1, seed=7) == alone[:2]
    assert simulate(POLICY, scenario, runs=1, jobs=1, seed=8)[0].requests != alone[0].requests
    assert len({run.requests for run in alone}) == 4
    spawned = np.random.SeedSequence(7).spawn(4)[2]
    again = np.random.SeedSequence(7, spawn_key=(2,))
    assert spawned.generate_state(4).tolist() == again.generate_state(4).tolist()


@given(st.integers(0, 2**32), st.sampled_from(sorted(SCENARIOS)))
def test_the_same_seed_gives_the_same_panes(seed: int, name: str) -> None:
    """Byte for byte."""
    scenario = replace(SCENARIOS[name], duration_ms=3_000)
    twice = [list(panes(scenario, np.random.default_rng(seed), 0, 1_000, lambda: 0.3, COHORTS)) for _ in range(2)]
    assert repr(twice[0]).encode() == repr(twice[1]).encode()
    assert twice[0] == twice[1]


# Figures


def _run(*actions: tuple[int, Action], harmful_at_ms: int | None = None, end: Phase = Phase.BAKING) -> Run:
    taken = tuple(Taken(at_ms, action, "tenth", 0.1, "") for at_ms, action in actions)
    return Run(0, 0, taken, end, "tenth", 10, harmful_at_ms)


def test_proportions_have_wilsons_interval() -> None:
    """Values of Newcombe, Statistics in Medicine 17 (1998), table I, method 3."""
    known = {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }
    for (count, total), interval in known.items():
        assert Proportion(count, total).interval == pytest.approx(interval, abs=5e-5)
    low, high = Proportion(20, 20).interval
    assert (low, high) == pytest.approx((1 - 0.1611, 1.0), abs=5e-5)


def test_quantiles_have_the_interval_of_order_statistics() -> None:
    """Tables of the sign test: of 20 times the 6th and 15th, of 6 the first and last, of 5 none."""
    found = quantile([float(time) for time in range(20, 0, -1)], 0.5)
    assert found is not None
    assert (found.value, found.interval) == (10.0, (6.0, 15.0))
    assert quantile([], 0.5) is None
    for total, interval in ((6, (1.0, 6.0)), (5, None)):
        known = quantile([float(time) for time in range(1, total + 1)], 0.5)
        assert known is not None
        assert known.interval == interval


def test_a_summary_counts_what_was_wrong() -> None:
    """False rollbacks of all runs; the rest of those that lived to see the harm; no rollback is an infinite delay."""
    early = _run((4_000, Action.ROLLBACK), harmful_at_ms=5_000, end=Phase.ROLLED_BACK)
    prompt = _run((2_000, Action.ADVANCE), (7_000, Action.ROLLBACK), harmful_at_ms=5_000, end=Phase.ROLLED_BACK)
    slow = _run((6_000, Action.ADVANCE), (9_000, Action.ROLLBACK), harmful_at_ms=5_000, end=Phase.ROLLED_BACK)
    never = _run((8_000, Action.PROMOTE), harmful_at_ms=5_000, end=Phase.PROMOTED)
    summary = summarise([early, prompt, slow, never])
    assert summary.false_rollbacks == Proportion(1, 4)
    assert summary.false_advances == Proportion(2, 3)
    assert summary.detected == Proportion(2, 3)
    assert summary.median_ms is not None
    assert summary.p95_ms is not None
    assert (summary.median_ms.value, summary.p95_ms.value) == (4_000.0, inf)
    assert summary.ends == {"promoted": 1, "rolled_back": 3}
    assert summary.requests == 40
    document = summary.document()
    assert document["delay_p95_s"] == {"value": None, "interval": None}


def test_a_fine_candidate_has_no_delays() -> None:
    """Only false rollbacks are counted where there is nothing to find."""
    summary = summarise([_run((9_000, Action.ROLLBACK), end=Phase.ROLLED_BACK), _run()])
    assert summary.false_rollbacks == Proportion(1, 2)
    assert (summary.false_advances, summary.detected, summary.median_ms, summary.p95_ms) == (None, None, None, None)
