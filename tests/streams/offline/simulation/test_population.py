"""Cells of cohorts whose requests differ by user and by instance."""

from math import sqrt
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gates.groups import halves_of, totals_of
from gates.panes import Cell
from streams.offline.simulation.changes import CohortTraffic
from streams.offline.simulation.population import Population
from streams.offline.simulation.scenario import Scenario

PANES, REQUESTS = 300, 500
NO_CLIENTS = np.zeros((2, 8), dtype=np.int64)


def cells(size: int = 10, error_rate: float = 0.02, clients: NDArray[np.int64] = NO_CLIENTS, **keys: Any) -> list[Cell]:
    """Five minutes of a cohort."""
    scenario = Scenario.parse({"instances": {}, **keys})
    source = Population(scenario, size, PANES, 1_000, np.random.default_rng(4))
    traffic = CohortTraffic(error_rate, scenario.latency.profile)
    return [source.cell(traffic, REQUESTS, pane, clients) for pane in range(PANES)]


def errors(found: list[Cell]) -> NDArray[np.int64]:
    """The errors of each cell."""
    return np.array([cell.errors(["5xx"]) for cell in found])


def median_latency(cell: Cell) -> float:
    """In milliseconds."""
    return cell.latency.quantile(0.5) or 0.0


def median_metric(cell: Cell) -> float:
    """Of the metric `cpu`."""
    return cell.metric("cpu").quantile(0.5) or 0.0


@pytest.mark.parametrize("keys", [{}, {"sessions": {"errors": 5}}, {"instances": {"wander": {"errors": "20%"}}}])
def test_rates_are_those_of_the_scenario(keys: dict[str, Any]) -> None:
    """However errors come together, the share of failing requests is the one that was written."""
    found = cells(**keys)
    requests = sum(cell.requests for cell in found)
    assert requests == pytest.approx(PANES * REQUESTS, rel=0.03)
    assert errors(found).sum() == pytest.approx(0.02 * requests, abs=5 * sqrt(5 * 0.02 * requests))


def test_storms_add_errors() -> None:
    """Ten instances in a storm of half their requests, a tenth of the time."""
    found = cells(error_rate=0.0, instances={"storms": [{"per_hour": 60, "length": "6s"}]})
    assert errors(found).sum() / (PANES * REQUESTS) == pytest.approx(0.05, rel=0.35)
    assert errors(found).var() > 5 * errors(found).mean()


def test_a_candidate_that_is_down_fails_everything() -> None:
    """Also where errors come in sessions."""
    assert all(cell.errors(["5xx"]) == cell.requests for cell in cells(error_rate=1.0, sessions={"errors": 5}))


def test_stalls_make_some_requests_slow() -> None:
    """Those of one instance in its second of the minute wait up to a second longer."""
    usual, stalling = (cells(2, instances=keys) for keys in ({}, {"stalls": [{"every": "1m", "length": "1s"}]}))
    slow = [cell.latency.quantile(0.9) or 0.0 for cell in stalling]
    assert max(slow) > 600.0
    assert sorted(slow)[PANES // 2] == pytest.approx(usual[0].latency.quantile(0.9), rel=0.2)
    assert all(cell.latency.total == cell.requests for cell in stalling)


def test_drifts_of_latency_and_of_a_metric() -> None:
    """Each is drawn at the instance's own factor, so medians vary over time."""
    wander = {"wander": {"latency": "30%", "metric": "30%", "time": "10s"}}
    metric = {"name": "cpu", "median": 20, "spread": 0.2}
    steady, drifting = (cells(1, instances=keys, metric=metric) for keys in ({}, wander))
    for figure in (median_latency, median_metric):
        before, after = (np.log([figure(cell) for cell in found]).std() for found in (steady, drifting))
        assert after > 3 * before
    assert steady[0].metric("cpu").total == REQUESTS
    assert steady[0].metric("cpu").quantile(0.5) == pytest.approx(20, rel=0.05)


def test_zeros_of_a_metric_are_zeros() -> None:
    """As a queue's lag has them."""
    values = cells(metric={"name": "lag", "zeros": "80%"})[0].metric("lag")
    assert (values.quantile(0.5), values.total) == (0.0, REQUESTS)


def test_events_name_their_emitter_and_user() -> None:
    """Only where the scenario has them; halves of users add up to all."""
    plain = cells()[0].detail
    assert (plain.emitters, plain.users, any(plain.halves)) == ((), (), False)
    known = cells(instances={"reported": True}, users=True)[0]
    assert len(known.detail.emitters) == 10
    assert sum(known.detail.halves) == known.requests
    assert len(known.detail.users) == 32
    for groups in (known.detail.user_groups, known.detail.emitter_groups):
        assert totals_of(groups)[0] == known.counts
    assert halves_of(known.detail.user_groups)[0] == known.detail.halves


def test_clients_come_on_top() -> None:
    """Their failures and successes, in the half of their user."""
    clients = NO_CLIENTS.copy()
    clients[:, 3] = 40, 10
    cell = cells(error_rate=0.0, clients=clients, users=True)[0]
    assert (cell.requests, cell.errors(["5xx"])) == (REQUESTS + 50, 40)
    assert cell.detail.halves[7:][4] == 40


def test_no_request_is_an_empty_cell() -> None:
    """A thin second."""
    scenario = Scenario.parse({"instances": {}})
    source = Population(scenario, 2, 1, 1_000, np.random.default_rng(0))
    assert source.cell(CohortTraffic(0.5, scenario.latency.profile), 0, 0, NO_CLIENTS) == Cell()
