"""What fuzzing has found: most of these stopped a worker, or kept it at one message forever."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.actuators import FileActuator, wanted
from connectors.dead_letters import LARGEST_DETAIL, LARGEST_KEPT, DeadLetter
from connectors.signing.keys import KeysError, parse
from streams import journal
from streams.audit import chain
from streams.dead_letters.letters import Place, read_letter
from streams.dead_letters.redrive_rules import SCHEMA, read_redrive
from streams.runtime.settings import Settings
from streams.sequencer.messages import (
    LARGEST_JOURNALED,
    LARGEST_MESSAGE,
    RecordRefusedError,
    journal_record,
    read_message,
)
from tools.topics_page import examples as topics_examples

HUGE = 10**400
ORIGIN = journal.Origin("command-acks", 0, 0)


def changed(record: journal.Record, **changes: Any) -> bytes:
    """A message with fields of another value."""
    return msgspec.json.encode(msgspec.json.decode(journal.encode(record)) | changes)


@pytest.mark.parametrize("value", [b'{"schema":"\xff"}', b'{"schema":"sluicegate.ack/v1","x":' + b"[" * 100_000])
def test_a_journal_record_that_is_none_is_a_decode_error(value: bytes) -> None:
    """A RecursionError went past the judge's `except`, at the same record after each restart."""
    with pytest.raises(msgspec.DecodeError):
        journal.decode(value)


DEEP = b"[" * 100_000


def test_a_key_nested_very_deep_is_none() -> None:
    """A RecursionError went past the one `except`, and with it a traceback to whoever started a worker."""
    with pytest.raises(KeysError, match="keys, line 1: is not a key"):
        parse(b'{"kty":"oct","kid":"a","x5c":' + DEEP, "keys")


def test_no_record_nested_very_deep_stops_who_reads_it(tmp_path: Path) -> None:
    """Neither the auditor, nor who redrives, nor an actuator with a file of weights."""
    with pytest.raises(msgspec.DecodeError):
        chain.decode(b'{"schema":"sluicegate.audit/v1","x":' + DEEP)
    assert read_redrive(b'{"x":' + DEEP, [("schema", SCHEMA.encode())]) is None
    (tmp_path / "weights.json").write_bytes(b'{"r":{"x":' + DEEP)
    with pytest.raises(ValueError, match="is not a file of wanted weights"):
        FileActuator(tmp_path / "weights.json")


def test_a_partition_that_no_topic_has_is_not_waited_for() -> None:
    """An entry of the audit log that names partition 10^15 asked for as much memory."""
    entry = msgspec.structs.replace(topics_examples.audit_entry(), source=journal.Origin("rollout-controls", 10**15, 0))
    assert chain.Head().follow(entry, b"") is None


@pytest.mark.parametrize("field", ["at", "epoch", "sequence"])
def test_no_number_is_beyond_64_bits(field: str) -> None:
    """The judge measures a rollback by the ack's `at`, and no float is that large."""
    with pytest.raises(RecordRefusedError, match=field):
        read_message(journal.Ack, changed(topics_examples.record(journal.Ack), **{field: HUGE}))


@pytest.mark.parametrize("field", ["epoch", "sequence", "event_time", "expires_at"])
def test_no_number_of_an_order_either(field: str) -> None:
    """An actuator keeps it, and acknowledges by it."""
    with pytest.raises(ValueError, match=field):
        wanted.decode(msgspec.json.encode(topics_examples.decision() | {field: HUGE}))


def test_a_record_fits_into_a_message_of_the_journal() -> None:
    """Numbers are longer in a record than in the message; Kafka refused it, and the sequencer retried forever."""
    plain = changed(topics_examples.record(journal.Ack), weights={})
    value = plain.replace(b'"weights":{}', b'"weights":{%s}' % b",".join(b'"%x":1e15' % one for one in range(40_000)))
    assert len(value) < LARGEST_MESSAGE
    message = read_message(journal.Ack, value)
    assert len(journal.encode(message)) > LARGEST_JOURNALED
    with pytest.raises(RecordRefusedError, match="would be larger"):
        journal_record(message, ORIGIN, Settings().timing)


def test_faults_of_a_bad_policy_are_brief() -> None:
    """Its faults, all of them, made a dead letter of eleven megabytes, which Kafka does not take."""
    policy = topics_examples.policy().document() | {f"{key:x}": 0 for key in range(2_000)}
    with pytest.raises(RecordRefusedError, match=r"; and 1980 more$") as caught:
        read_message(journal.Start, changed(topics_examples.record(journal.Start), policy=policy))
    assert len(str(caught.value)) < 20_000


def test_a_dead_letter_fits_into_a_message() -> None:
    """Whatever its key and detail: it was sent with its key twice, and one that Kafka refuses stops ingest."""
    letter = DeadLetter("t", 0, 1, 0, "bad_json", "x" * 10_000_000 + "\ud800", b"k" * (LARGEST_KEPT + 1), b"v")
    assert letter.key is None
    assert letter.detail.startswith(f"(its key of {LARGEST_KEPT + 1} bytes was not kept) x")
    assert sum(len(text) for _, text in letter.headers()) < 4 * LARGEST_DETAIL + 100


@pytest.mark.parametrize("number", [b"-1", b"9" * 30])
@pytest.mark.parametrize("name", ["partition", "offset", "index", "truncated_from"])
def test_a_letter_stands_where_a_record_can(name: str, number: bytes) -> None:
    """No such offset can be printed as JSON."""
    headers = dict(topics_examples.dead_letter().headers()) | {name: number}
    found = read_letter(Place(0, 0), 0, b"", headers.items())
    assert found is None or (name, number, found.whole) == ("truncated_from", b"-1", True)
