"""What makes errors come together, as a scenario writes it."""

import re

import pytest

from streams.offline.simulation.scenario import Scenario


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"sessions": {}}, "sessions.errors: is missing; write for example `errors: 5`"),
        ({"sessions": {"errors": 5.5}}, "sessions: errors must be a whole number, unless sizes are geometric"),
        ({"sessions": {"errors": 5, "sizes": "some"}}, "sessions.sizes: 'some' is not known: write one of fixed, even"),
        ({"sessions": {"errors": 5, "spread": "1h"}}, "sessions.spread: '1h' is too long: write at most 10m"),
        ({"sessions": {"errors": 5}, "clusters": 4}, "scenario: write either `clusters` or `sessions`"),
        ({"clients": [{"rps": 5, "length": "1m"}]}, "clients[0]: write either `at`, for one client, or `per_hour`"),
        ({"clients": [{"rps": 5, "at": "1m", "per_hour": 2, "length": "1m"}]}, "clients[0]: write either `at`"),
        ({"instances": {"candidate": 0}}, "instances.candidate: 0 is out of range; write a whole number from 1"),
        ({"instances": {"storms": [{"length": "5s"}]}}, "instances.storms[0].per_hour: is missing"),
        ({"instances": {"stalls": [{"every": "1s", "length": "2s"}]}}, "instances.stalls[0]: a stall must end before"),
        (
            {"instances": {"wander": {"error": "5%"}}},
            "instances.wander.error: is an unknown key; did you mean `errors`",
        ),
        ({"metric": {"median": 5}}, "metric.name: is missing; write for example `name: cpu_ms`"),
        ({"arrivals": "sometimes"}, "arrivals: 'sometimes' is not known: write one of random, even"),
        ({"latency": {"rounded": "0s"}}, "latency.rounded: '0s' is too short"),
    ],
)
def test_an_invalid_part_is_refused(document: object, message: str) -> None:
    """The message has the path, what is wrong, and what would be right."""
    with pytest.raises(ValueError, match=re.escape(message)):
        Scenario.parse(document)


def test_parts_are_read() -> None:
    """Together in one scenario, with their defaults."""
    scenario = Scenario.parse(
        {
            "sessions": {"errors": 5.5, "sizes": "geometric", "spread": "15s"},
            "clients": [{"at": "1m", "rps": 5, "length": "2m"}],
            "instances": {"reported": True, "storms": [{"per_hour": 12, "length": "5s"}]},
            "metric": {"name": "cpu"},
        }
    )
    assert scenario.is_structured
    assert not Scenario().is_structured
    assert scenario.sessions is not None
    assert (scenario.sessions.spread_ms, scenario.sessions.of) == (15_000, "one user")
    assert scenario.instances is not None
    assert (scenario.instances.candidate, scenario.instances.baseline) == (1, 10)
    assert scenario.instances.storms[0].error_rate == 0.5
