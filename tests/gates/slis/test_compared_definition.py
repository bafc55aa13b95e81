"""What the SLIs that may compare share: `ratio` beside `limit`."""

from __future__ import annotations

from typing import Any

import pytest

from gates.slis.error_rate import ErrorRateCheck
from gates.slis.findings import LintContext, RuleContext
from gates.slis.latency import LatencyCheck
from gates.slis.metric import MetricCheck
from tests.gates.pane_builders import policy

RATE: dict[str, Any] = {"sli": "error_rate", "limit": "5%"}


def definition(**fields: Any) -> Any:
    """An error rate with these fields beside its limit."""
    return policy({"it": RATE | fields}).checks["it"]


def test_without_a_ratio_nothing_is_compared() -> None:
    """Then a limit is all there is."""
    assert (definition().compared, definition().comparing) == (None, False)
    assert definition(ratio=1.2).comparing


def test_how_each_kind_of_figure_compares() -> None:
    """A share clusters in time, a quantile has its level from its definition, a mean is not known in advance."""
    found = {}
    for name, fields in {
        "share": RATE | {"ratio": 1.2},
        "quantile": {"sli": "latency", "quantile": 0.9, "ratio": 1.2, "limit": "1s"},
        "mean": {"sli": "metric", "metric": "m", "ratio": 1.2, "limit": 8, "ceiling": 10},
    }.items():
        compared = policy({"it": fields}).checks["it"].compared
        assert compared is not None
        found[name] = (compared.quantile, compared.clusters, compared.foreseeable)
    assert found == {"share": (None, True, True), "quantile": (0.9, False, True), "mean": (None, False, False)}
    assert definition(ratio=1.2).bad_share(0.25) == 0.25


@pytest.mark.parametrize(("ratio", "found"), [(None, []), (10, []), (11, ["ratio"])])
def test_a_ratio_written_as_per_cent_is_remarked(ratio: float | None, found: list[str]) -> None:
    """More than ten times the baseline's figure is probably a percentage."""
    known = definition(**({} if ratio is None else {"ratio": ratio}))
    assert [finding.key for finding in known.lints(LintContext((), 20))] == found


@pytest.mark.parametrize("model", [ErrorRateCheck, LatencyCheck, MetricCheck])
@pytest.mark.parametrize(
    ("fields", "reaches_all", "keys"),
    [
        ({}, False, [""]),
        ({"ratio": 1.2}, False, []),
        ({"ratio": 1.2}, True, ["limit"]),
        ({"limit": 1}, True, []),
        ({"limit": 1, "ratio": 1.2}, True, []),
    ],
)
def test_a_check_can_fail_in_every_stage(
    model: type[ErrorRateCheck | LatencyCheck | MetricCheck], fields: dict[str, Any], reaches_all: bool, keys: list[str]
) -> None:
    """By limit or ratio; at 100% only by limit. The message has an example of the key in its own unit."""
    context = RuleContext(pane_ms=1_000, reaches_all=reaches_all)
    found = [finding for finding in model.rules({"quantile": 0.9, **fields}, context) if finding.key in ("", "limit")]
    assert [finding.key for finding in found][: len(keys)] == keys
    assert all("`limit: " in finding.message for finding in found[: len(keys)])
