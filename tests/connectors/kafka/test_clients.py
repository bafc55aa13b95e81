"""The options of clients, and the partition of a key."""

import pytest
from pydantic import ValidationError

from connectors.kafka.clients import KafkaSettings, client_options, partition_for

# From the tests of Kafka's Java client (UtilsTest.testMurmur2).
MURMUR2 = {"21": -973_932_308, "foobar": -790_332_482, "a-little-bit-long-string": -985_981_536}


def test_every_client_gets_address_and_login() -> None:
    """The prefix is of topics, not of the address."""
    settings = KafkaSettings(bootstrap="127.0.0.1:1", topic_prefix="p.")
    assert client_options(settings) == {"bootstrap_servers": "127.0.0.1:1", "security_protocol": "PLAINTEXT"}
    assert settings.topics.events == "p.request-events"


@pytest.mark.parametrize("key", MURMUR2)
def test_keys_are_placed_as_kafkas_own_producer_places_them(key: str) -> None:
    """Else records of one rollout that other producers write would be in another partition."""
    assert partition_for(key, 12) == (MURMUR2[key] & 0x7FFFFFFF) % 12


@pytest.mark.parametrize("valid_ms", [999, 86_400_001])
def test_signatures_are_valid_for_a_second_to_a_day(valid_ms: int) -> None:
    """The replay guard must keep ids for this long, so it is bounded."""
    with pytest.raises(ValidationError, match="signature_valid_ms"):
        KafkaSettings(signature_valid_ms=valid_ms)
