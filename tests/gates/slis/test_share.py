"""A figure that is a share of bad events, and its evidence."""

from __future__ import annotations

from typing import Any

import pytest

from gates.comparison.quantiles import TRAILING_MS
from gates.evidence_view import CohortView
from gates.panes import Cell
from gates.policy.checks import joint_test_of
from gates.rules import CURRENT, RULES
from gates.slis.check_context import CheckContext, Starts
from gates.slis.compared_definition import ComparedCheck
from gates.slis.limit import Assessment, Guard, Standing
from gates.slis.share import ShareFigure, share_evidence, share_text
from gates.verdicts import Measurement
from gates.windows import CohortWindow
from tests.gates.pane_builders import CANDIDATE, T0, cell, policy


class Failures(ShareFigure):
    """The share of 5xx."""

    limit = "the limit"

    def tally(self, source: Cell | CohortWindow) -> tuple[int, int]:
        """5xx, and all requests."""
        return source.errors(("5xx",)), source.requests

    def stage_text(self, name: str, cell: Cell) -> str:
        """The share since the stage was ordered."""
        return name

    def window_text(self, name: str, window: CohortWindow) -> str:
        """The share over the window."""
        return share_text(name, self.tally(window), "requests", window)


def window_of(requests: int, errors: int) -> CohortWindow:
    """A window of five seconds with these requests."""
    window = CohortWindow(5_000)
    window.push(T0, T0 + 1_000, cell(requests, errors))
    return window


@pytest.mark.parametrize(
    ("requests", "errors", "standing"),
    [
        (0, 0, Standing.WITHIN),
        (100, 10, Standing.WITHIN),
        (30, 10, Standing.ABOVE_BUT_FEW),
        (100, 40, Standing.BREACHED),
    ],
)
def test_a_figure_stands_to_its_guard(requests: int, errors: int, standing: Standing) -> None:
    """By bad events and all of them; without a limit it is always within."""
    window = window_of(requests, errors)
    assert Failures(Guard(0.1, 20)).assess(window) == Assessment(standing, requests)
    assert Failures(None).assess(window) == Assessment(Standing.WITHIN, requests)


def test_figures_of_the_window_or_of_the_stage() -> None:
    """No share without events: nothing stands for a missing figure."""
    window, none = window_of(50, 5), window_of(0, 0)
    arm = CohortView(CANDIDATE, window, window, window, cell(1_000, 10), 0)
    figure = Failures(None)
    assert figure.measured(arm, staged=False) == Measurement(50, 0.1, 5)
    assert figure.measured(arm, staged=True) == Measurement(1_000, 0.01, 10)
    empty = CohortView(CANDIDATE, none, none, none, cell(0), 0)
    assert figure.measured(empty, staged=False) == Measurement(0, None, 0)
    assert figure.window_text(CANDIDATE, window) == "canary 10% (5 of 50 requests in 5s)"
    assert figure.window_text(CANDIDATE, none) == "canary no share (0 of 0 requests in 5s)"


def test_alike_needs_a_limit() -> None:
    """A baseline nearly beyond the limit makes the cause a shared one."""
    bad, nearly = window_of(1_000, 220), window_of(1_000, 190)
    assert Failures(Guard(0.2, 20)).alike(bad, nearly, None)
    assert not Failures(None).alike(bad, nearly, None)


@pytest.mark.parametrize(("ratio", "found"), [(None, False), (1.2, True)])
def test_only_a_ratio_has_evidence(ratio: float | None, found: bool) -> None:
    """A limit alone compares nothing."""
    fields: dict[str, Any] = {"sli": "error_rate", "limit": "5%"} | ({} if ratio is None else {"ratio": ratio})
    known = policy({"it": fields})
    definition = known.checks["it"]
    assert isinstance(definition, ComparedCheck)
    thresholds = {"it": joint_test_of(known).thresholds("it", 0.05)}
    starts, trailing = Starts(120, 1.0, 0.1), {"real": CohortWindow(TRAILING_MS)}
    context = CheckContext(known.cohorts, thresholds, None, starts, trailing, RULES[CURRENT])
    assert (share_evidence("it", definition, context, Failures(None), 0.05, ("5xx",)) is not None) == found
