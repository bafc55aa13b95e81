"""The prior on clusters: it raises an estimate from few blocks, lets go of it, and never lowers one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.stats.cluster_prior import LARGE_BET_MARGIN, PRIOR_DISPERSION, ClusterPrior

ESTIMATES = st.floats(1.0, 1e6)
PRIORS = st.builds(ClusterPrior, st.integers(0, 20), st.integers(0, 100))


def test_before_a_measurement_the_prior_applies() -> None:
    """Whatever its weight."""
    assert ClusterPrior(weight=0, until=0).dispersion(None, 0) == PRIOR_DISPERSION
    assert ClusterPrior(weight=6, until=30).dispersion(None, 100) == PRIOR_DISPERSION


def test_by_hand() -> None:
    """Two blocks with an estimate of 1 beside six of the prior; then an estimate of 4, with its margin."""
    prior = ClusterPrior(weight=6, until=30)
    assert prior.dispersion(1.0, 2) == pytest.approx((2 * 1.0 + 6 * 8.0) / 8)
    assert prior.dispersion(4.0, 30) == pytest.approx(4.0 + LARGE_BET_MARGIN * 3.0)


@given(PRIORS, ESTIMATES, st.integers(0, 200))
def test_an_estimate_is_raised_and_never_lowered(prior: ClusterPrior, estimate: float, blocks: int) -> None:
    """At least the estimate with its margin, so at least 1; exactly that from `until` blocks on."""
    raised = estimate + LARGE_BET_MARGIN * (estimate - 1.0)
    if not blocks + prior.weight:
        blocks = 1
    found = prior.dispersion(estimate, blocks)
    assert found >= raised >= 1.0
    if blocks >= prior.until:
        assert found == raised


@given(PRIORS, ESTIMATES, st.integers(1, 200))
def test_more_blocks_only_lower_it(prior: ClusterPrior, estimate: float, blocks: int) -> None:
    """With the same estimate from more blocks, phi does not rise."""
    assert prior.dispersion(estimate, blocks + 1) <= prior.dispersion(estimate, blocks) * (1.0 + 1e-12)
