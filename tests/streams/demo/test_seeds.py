"""Random numbers of the demo."""

from streams.demo.seeds import seeded_random


def test_the_same_seed_draws_the_same_numbers() -> None:
    """For the same part; another part or seed draws others."""
    draws = {(seed, part): seeded_random(seed, part).random() for seed in (1, 2) for part in ("load", "router")}
    assert len(set(draws.values())) == len(draws)
    assert seeded_random(1, "load").random() == draws[1, "load"]
