"""Errors of broken sessions, pane by pane."""

import numpy as np
import pytest

from gates.groups import GROUPS
from streams.offline.simulation.sessions import SessionErrors
from streams.offline.simulation.together import Sessions

PANES, INSTANCES = 4_000, 3
EXPECTED = np.array([4.0, 2.0, 0.0])


def drawn(**keys: object) -> np.ndarray:
    """Errors by pane, instance and group, where 6 errors begin in each pane on average."""
    source = SessionErrors(Sessions.model_validate(keys), INSTANCES, 1_000, np.random.default_rng(2))
    return np.stack([source.next_pane(EXPECTED) for _ in range(PANES)])


@pytest.mark.parametrize(
    ("keys", "variance"),
    [
        ({"errors": 1}, 1.0),
        ({"errors": 20, "spread": "1ms"}, 20.0),
        ({"errors": 5.5, "sizes": "geometric", "spread": "1ms"}, 10.0),
        ({"errors": 5, "sizes": "even", "spread": "1ms"}, 5 + (81 - 1) / 12 / 5),
    ],
)
def test_sizes_give_the_variance(keys: dict[str, object], variance: float) -> None:
    """Of a compound Poisson number: the mean square of a size over its mean. The mean is as expected."""
    found = drawn(**keys)
    totals = found.sum(axis=(1, 2))
    assert totals.mean() == pytest.approx(6.0, rel=0.1)
    assert totals.var() / totals.mean() == pytest.approx(variance, rel=0.2)
    assert found[:, 2].sum() == 0


def test_a_spread_session_lasts_over_many_panes() -> None:
    """Single panes vary like independent errors; blocks of a minute show the sessions."""
    totals = drawn(errors=20, spread="15s").sum(axis=(1, 2))
    blocks = totals[: PANES // 60 * 60].reshape(-1, 60).sum(axis=1)
    assert totals.var() / totals.mean() < 4.0
    assert blocks.var() / blocks.mean() > 10.0


def test_a_session_is_of_one_user_on_one_instance() -> None:
    """Unless it is of many users: then the groups of users share its errors."""
    one = drawn(errors=50, spread="1ms")
    rare = one[(one.sum(axis=(1, 2)) > 0) & (one.sum(axis=(1, 2)) <= 50)]
    assert set(rare.max(axis=(1, 2))) <= set(range(51))
    assert (rare.reshape(len(rare), -1) > 0).sum(axis=1).max() <= 2  # it may begin at the end of a pane
    many = drawn(errors=50, spread="1ms", of="many users")
    single = many[many.sum(axis=(1, 2)) == 50]
    assert len(single) > 100
    assert (single.sum(axis=1) > 0).sum(axis=1).mean() > GROUPS - 1
