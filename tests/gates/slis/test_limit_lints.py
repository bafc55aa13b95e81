"""Lints of `limit` and `min_events`."""

from __future__ import annotations

from typing import Any

import pytest

from gates.slis.findings import LintContext
from gates.slis.limit_lints import idle_min_events, too_few_events
from tests.gates.pane_builders import policy

LIMITED: dict[str, Any] = {"sli": "error_rate", "limit": "5%", "window": "10s"}
COMPARING: dict[str, Any] = {"sli": "error_rate", "ratio": 1.2}


def parts(fields: dict[str, Any]) -> tuple[Any, LintContext]:
    """The definition, and what lints use from its policy of one stage at 10%."""
    checks = {"it": fields, "other": {"sli": "latency", "quantile": 0.5, "limit": "1s"}}
    known = policy(checks, stages=[{"name": "tenth", "weight": "10%", "bake": "1m"}])
    return known.checks["it"], LintContext(known.stages, known.min_requests)


@pytest.mark.parametrize(
    ("fields", "min_events", "found"), [(LIMITED, 5, False), (COMPARING, 20, False), (COMPARING, 5, True)]
)
def test_min_events_belongs_to_a_limit(fields: dict[str, Any], min_events: int, found: bool) -> None:
    """Without one only the default is left in peace."""
    definition, _ = parts(fields)
    assert [finding.key for finding in idle_min_events(definition, min_events)] == ["min_events"] * found


@pytest.mark.parametrize(
    ("fields", "rps", "found"),
    [
        (LIMITED, 39.0, True),
        (LIMITED, 40.0, False),
        (COMPARING, 1.0, False),
        (LIMITED | {"severity": "advisory"}, 1.0, False),
        (LIMITED | {"traffic": "synthetic"}, 1.0, False),
    ],
)
def test_a_limit_needs_enough_bad_events(fields: dict[str, Any], rps: float, found: bool) -> None:
    """Twenty, if half of the candidate's tenth of the requests in ten seconds are bad."""
    definition, context = parts(fields)
    messages = [finding.message for finding in too_few_events(definition, 20, context, rps)]
    assert len(messages) == found
    assert all("cannot fail in stage tenth: at 39 requests/s, a 10s window" in message for message in messages)


def test_for_a_mean_every_value_counts() -> None:
    """Half the traffic is then enough."""
    definition, context = parts(LIMITED)
    assert list(too_few_events(definition, 20, context, 20.0, all_count=True)) == []
    (finding,) = too_few_events(definition, 20, context, 19.0, all_count=True)
    assert "fewer than 20 values" in finding.message


@pytest.mark.parametrize(
    "fields",
    [
        {"sli": "success_rate", "limit": "95%", "window": "10s"},
        {"sli": "burn_rate", "slo": "99%", "window": "12s", "spend": "0.01%"},
        {"sli": "latency", "quantile": 0.5, "limit": "1s", "window": "10s"},
        {"sli": "throughput_share", "window": "10s"},
    ],
    ids=lambda fields: str(fields["sli"]),
)
def test_every_limit_is_held_against_the_traffic(fields: dict[str, Any]) -> None:
    """Each SLI remarks that its check is of no use at one request a minute, and is silent at a thousand a second."""
    definition, context = parts(fields)
    assert list(definition.traffic_lints(context, 1 / 60)) != []
    assert list(definition.traffic_lints(context, 1_000.0)) == []
