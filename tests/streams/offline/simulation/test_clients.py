"""Clients beside the usual traffic."""

import numpy as np
import pytest

from streams.offline.simulation.clients import ClientTraffic
from streams.offline.simulation.together import Client

DURATION_MS = 600_000


def traffic(seed: int = 1, **keys: object) -> ClientTraffic:
    """Clients of one kind in ten minutes."""
    return ClientTraffic((Client.model_validate(keys),), DURATION_MS, np.random.default_rng(seed))


def test_one_client_fails_for_its_time_in_one_cohort() -> None:
    """It sends as many as it should, all from one user, and nothing before or after."""
    clients = traffic(at="10s", length="60s", rps=5, to_candidate=True, error_rate="40%")
    found = [clients.pane(since, 1_000, 0.01) for since in range(0, DURATION_MS, 1_000)]
    candidate, baseline = (np.stack([pane[side] for pane in found]) for side in (0, 1))
    assert baseline.sum() == 0
    assert candidate[:10].sum() == candidate[70:].sum() == 0
    assert candidate.sum() == pytest.approx(300, abs=80)
    assert candidate[:, 0].sum() / candidate.sum() == pytest.approx(0.4, abs=0.15)
    assert (candidate.sum(axis=(0, 1)) > 0).sum() == 1


def test_clients_go_where_their_hash_says() -> None:
    """As many to the candidate as its share, and the same ones still when the share grows."""
    clients = traffic(per_hour=600, length="60s", rps=1)
    found = np.array([[clients.pane(0, 1_000_000, share)[0].sum() for share in (0.0, 0.3, 0.6, 1.0)]])[0]
    assert found[0] == 0
    assert 0 < found[1] < found[2] < found[3]
    assert found[1] / found[3] == pytest.approx(0.3, abs=0.15)


def test_pareto_clients_differ_by_much() -> None:
    """The largest makes many times what the smallest does, which is the rate that was written."""
    even = traffic(per_hour=600, length="60s", rps=1)
    skewed = traffic(per_hour=600, length="60s", rps=1, shape=1.2)
    assert skewed.pane(0, 1_000_000, 1.0)[0].sum() > 2 * even.pane(0, 1_000_000, 1.0)[0].sum()
