"""The named scenarios."""

from streams.offline.simulation.named import DESCRIPTIONS, SCENARIOS
from streams.offline.simulation.scenario import Scenario


def test_each_has_a_description_of_its_own() -> None:
    """In the same order."""
    assert list(DESCRIPTIONS) == list(SCENARIOS)
    assert len(set(DESCRIPTIONS.values())) == len(DESCRIPTIONS)


def test_each_differs_from_the_others() -> None:
    """The healthy one is the usual service with known users."""
    assert len({repr(scenario) for scenario in SCENARIOS.values()}) == len(SCENARIOS)
    assert SCENARIOS["healthy"] == Scenario.parse({"users": True})


def test_fine_candidates_stand_first() -> None:
    """So that a table of results has them together."""
    harmful = [scenario.harmful for scenario in SCENARIOS.values()]
    assert harmful == sorted(harmful)
    assert not harmful[0]
    assert harmful[-1]
