"""The rotation of a soak run's keys."""

from pathlib import Path

from connectors.kafka.clients import KafkaSettings
from connectors.signing.keys import keyring
from tests.soak.keys import Keys


def test_old_and_new_keys_are_trusted_until_the_old_ones_are_removed(tmp_path: Path) -> None:
    """Each step changes what signs, or what is trusted, and not both."""
    keys, settings = Keys(tmp_path), KafkaSettings()

    def now() -> tuple[str, list[str]]:
        ring = keyring(keys.operator(settings), "operator")
        assert ring.signing is not None
        return ring.signing.id, sorted(key for key in ring.trusted if key.startswith("operator"))

    assert now() == ("operator-1", ["operator-1"])
    keys.trust_new()
    assert now() == ("operator-1", ["operator-1", "operator-2"])
    keys.use_new()
    assert now() == ("operator-2", ["operator-1", "operator-2"])
    keys.remove_old()
    assert now() == ("operator-2", ["operator-2"])
    old = keyring(keys.operator(settings, 1), "operator")
    assert old.signing is not None
    assert old.signing.id not in old.trusted
