"""The share of the requests over the last minutes: a router that goes wrong late, and a silence that is over."""

from __future__ import annotations

import json

import pytest

from gates.documents.state import Codec
from gates.evidence.request_share import RequestShare
from tests.gates.pane_builders import pane

TOLERANCE = 0.5


def fed(share: RequestShare, first: int, seconds: int, own: int, requests: int) -> RequestShare:
    """The share after these equal seconds."""
    for second in range(first, first + seconds):
        share.observe(pane(second, None, None), own, requests)
    return share


@pytest.mark.parametrize(("weight", "own", "wrong"), [(1.0, 100, 10), (0.1, 10, 90), (0.1, 10, 40)])
def test_a_router_that_goes_wrong_at_the_end_is_seen(weight: float, own: int, wrong: int) -> None:
    """Half an hour as ordered hides nothing: within a minute there is a doubt, and an advance waits before that."""
    share = fed(RequestShare(weight, 200), 0, 1_800, own, 100)
    assert share.within(TOLERANCE)
    fed(share, 1_800, 30, wrong, 100)
    assert not share.within(TOLERANCE)
    fed(share, 1_830, 30, wrong, 100)
    assert share.beyond_chance


def test_a_silence_that_is_over_is_forgotten() -> None:
    """For twenty minutes the baseline alone had requests; two minutes after that the share is as ordered."""
    share = fed(RequestShare(0.1, 200), 0, 600, 10, 100)
    fed(share, 600, 1_200, 0, 90)
    assert not share.within(TOLERANCE)
    fed(share, 1_800, 121, 10, 100)
    assert share.within(TOLERANCE)


def test_few_requests_make_a_longer_window() -> None:
    """With one each ten seconds, two hundred of them."""
    share = RequestShare(0.5, 200)
    for second in range(0, 6_000, 10):
        share.observe(pane(second, None, None), second // 10 % 2, 1)
    assert share.counts.all >= 200


def test_the_first_moments_do_not_count() -> None:
    """Routers take up weights one by one; a pane without requests is none."""
    share = fed(RequestShare(0.5, 1), 0, 5, 100, 100)
    assert (share.counts.all, share.off, share.within(TOLERANCE)) == (0, 0.0, True)
    fed(share, 5, 5, 0, 0)
    assert share.counts.all == 0
    assert not share.beyond_chance


def test_a_copy_is_its_own_and_survives_a_snapshot() -> None:
    """Bit for bit, through JSON."""
    share, codec = fed(RequestShare(0.5, 200), 0, 100, 40, 100), Codec(RequestShare)
    copied = share.copy()
    assert codec.decode(json.loads(json.dumps(codec.encode(share)))) == copied
    fed(share, 100, 10, 40, 100)
    assert copied != share
