"""What every decoder owes, as functions of bytes: `TARGETS` by name, each with valid samples in `SAMPLES`.

A target returns None whatever the bytes are. It raises only where a promise is broken: an error that is not documented,
a value that is not the same after it was encoded and decoded again, or an output without bound. hypothesis and atheris
both call them (`test_targets`, `__main__`).
"""

# ruff: noqa: PT017 - a promise about an error is a promise about a value here

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
import orjson

from connectors import policy_files
from connectors.actuators import wanted
from connectors.dead_letters import LARGEST_DETAIL, LARGEST_KEPT
from connectors.decoders import CLASS_INDEX, REASONS, Decoded, result_of
from connectors.decoders.event import EARLIEST_MS, LATEST_MS, RequestEvent
from connectors.decoders.native import MAX_FAULTS, NativeDecoder
from connectors.signing.keys import ROLES, KeysError, generate, parse
from connectors.signing.signatures import HEADER, LONGEST_VALID_MS, Keyring, SignatureError
from gates.decisions import DECISION_SCHEMA
from gates.machine.freezes import Frozen
from gates.policy import Policy, PolicyError
from streams import journal
from streams.audit import chain
from streams.cells import CellRecord
from streams.dead_letters.letters import Place, read_letter
from streams.dead_letters.redrive_rules import SCHEMA, read_redrive
from streams.judge.freezes import Freezes
from streams.sequencer.messages import MessageType, RecordRefusedError, read_message
from tools.topics_page import examples as topics_examples

Target = Callable[[bytes], None]

SPOKEN: Final = (journal.Start, journal.Control, journal.Ack)

MOST_GROWTH: Final = 64
"""How many times larger than its input an output may be, beyond a constant."""
LONGEST_FAULT: Final = 2_000
"""Characters of a policy's fault beside those of its path, which is as long as the keys are."""
NOW: Final = 1_767_225_600_000
TOPIC: Final = "rollout-controls"
BODY: Final = b'{"schema":"sluicegate.control/v1","rollout":"r","control":"pause","by":"ann","at":1}'

_SIGNING, _VERIFYING = generate("hmac", "fuzz-1", frozenset({"operator"}))
RING: Final = Keyring(parse(_SIGNING.line(), "fuzzing")[0], {"fuzz-1": parse(_VERIFYING.line(), "fuzzing")[0]})


def events(data: bytes) -> None:
    """The native event decoder never raises; its events are valid, its faults distinct, printable and bounded."""
    decoder = NativeDecoder()
    found = decoder.decode(data)
    assert len(found.faults) <= MAX_FAULTS + 1
    assert sum(len(fault.raw) for fault in found.faults) <= 2 * len(data) + 1
    for fault in found.faults:
        assert fault.reason in REASONS
        assert len(fault.detail) <= 200
        assert fault.detail.isprintable()
    for event in found.counted:
        assert EARLIEST_MS <= event.ts_ms < LATEST_MS
        assert event.latency_ms is None or math.isfinite(event.latency_ms)
        assert all(map(math.isfinite, (event.metrics or {}).values()))
        assert event.heartbeat or CLASS_INDEX[result_of(event)] >= 0
        assert event.grpc_status is None or 0 <= event.grpc_status <= 16
    assert len(found.unreadable) <= len(data) // len('"rollout":"r"')
    for unreadable in found.unreadable:
        assert 0 < len(unreadable.rollout) <= 128
        assert len(unreadable.cohort) <= 128
        assert unreadable.ts_ms is None or EARLIEST_MS <= unreadable.ts_ms < LATEST_MS
    for event in found.events:
        assert msgspec.json.decode(msgspec.json.encode(event), type=RequestEvent) == event
    for fast in (decoder.decode_valid(data), decoder.decode_run([data])):
        assert fast is None or _fields(Decoded(fast, [])) == _fields(found)


def _fields(decoded: Decoded) -> object:
    """All that was decoded, whatever the class of its events."""
    return [msgspec.structs.asdict(event) for event in decoded.events], decoded.faults


def journal_record(data: bytes) -> None:
    """The journal's codec raises DecodeError alone; a cell that is none is a ValueError."""
    try:
        record = journal.decode(data)
    except msgspec.DecodeError:
        return
    again = journal.encode(record)
    _bounded(again, data)
    assert journal.decode(again) == record
    if isinstance(record, journal.Partial):
        for row in record.cells:
            try:
                cell = row.cell()
            except ValueError:
                continue
            assert CellRecord.of(row.cohort, row.start, cell, row.synthetic).cell() == cell


def policy_text(data: bytes) -> None:
    """A policy file raises PolicyFileError alone, with every fault in its place; a policy is its canonical form."""
    try:
        policy = policy_files.load(data, source="fuzzing")
    except policy_files.PolicyFileError as error:
        lines = data.decode(errors="replace").count("\n") + data.count(b"\r") + data.count(b"\xc2\x85") + 4 * len(data)
        assert error.faults
        for fault in error.faults:
            assert 1 <= fault.line <= lines + 2
            assert fault.column >= 1
            assert len(fault.message) <= LONGEST_FAULT
            assert _one_line(fault.message)
        return
    _same(policy)


def policy_mapping(data: bytes) -> None:
    """A document of any plain values raises PolicyError alone. Python's own JSON lets through what others refuse."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return
    try:
        policy = Policy.parse(document)
    except PolicyError as error:
        assert error.faults
        for fault in error.faults:
            assert len(fault.message) <= LONGEST_FAULT
            assert _one_line(fault.message)
            assert _one_line(fault.path)
        return
    _same(policy)


def start(data: bytes) -> None:
    """What starts a rollout."""
    _signed_message(journal.Start, data)


def control(data: bytes) -> None:
    """An operator's order."""
    _signed_message(journal.Control, data)


def ack(data: bytes) -> None:
    """An actuator's ack."""
    _signed_message(journal.Ack, data)


def decision(data: bytes) -> None:
    """A decision or a command, as actuators read it: ValueError alone, and weights that a router can obey."""
    try:
        order = wanted.decode(data)
    except ValueError as error:
        assert len(str(error)) <= MOST_GROWTH * len(data) + 1_000
        return
    assert all(0 <= weight <= 100 for weight in order.weights.values())
    assert abs(order.baseline_weight + order.candidate_weight) <= 100 + wanted.ROUNDING
    assert (order.epoch, order.sequence) == order.token >= (0, 0)
    for moment in (order.epoch, order.sequence, order.event_time, order.expires_at):
        assert moment is None or -(1 << 63) <= moment < 1 << 63
    again = msgspec.json.encode(msgspec.to_builtins(order) | {"schema": DECISION_SCHEMA})
    _bounded(again, data)
    assert wanted.decode(again) == order


def signature(data: bytes) -> None:
    """A signature's header raises SignatureError alone, and only the very bytes that were signed are accepted."""
    headers = _signed()
    try:
        found = RING.verify("operator", TOPIC, BODY, [(HEADER, data)], NOW)
    except SignatureError as error:
        assert error.reason in ("unsigned", "forged", "expired")
        assert len(str(error)) <= 1_000
        assert data != headers[0][1]
        return
    assert found.seal is not None
    assert msgspec.json.encode(found.seal) == data
    assert orjson.loads(found.value) == orjson.loads(BODY)


def signed_body(data: bytes) -> None:
    """A body under a good signature of another raises SignatureError alone, unless it means the same."""
    try:
        found = RING.verify("operator", TOPIC, data, _signed(), NOW)
    except SignatureError as error:
        assert len(str(error)) <= 1_000
        return
    assert orjson.loads(found.value) == orjson.loads(BODY)


def key_file(data: bytes) -> None:
    """A file of keys raises KeysError alone, which quotes nothing of it; what is a key signs, or verifies."""
    try:
        keys = parse(data, "fuzzing")
    except KeysError as error:
        assert len(str(error)) <= 100
        return
    assert len(keys) == len({key.id for key in keys}) <= len(data)
    for key in keys:
        assert not key.verifies(b"", BODY)


def audit_entry(data: bytes) -> None:
    """A record of the audit log raises DecodeError alone; whether it continues another takes bounded memory."""
    try:
        entry = chain.decode(data)
    except msgspec.DecodeError:
        return
    assert chain.decode(msgspec.json.encode(entry)) == entry
    head = chain.Head(entry.sequence - 1, entry.previous)
    followed = head.follow(entry, data)
    assert (followed is None) == (head.misfit(entry) is not None)
    assert followed is None or sum(map(len, followed.positions.values())) <= chain.MOST_PARTITIONS


def dead_letter(data: bytes) -> None:
    """A dead letter's headers, one a line as `name=value`: a letter, which is written again the same, or None."""
    head, _, body = data.partition(b"\n\n")
    pairs = [line.partition(b"=") for line in head.split(b"\n")]
    headers = [(name.decode(errors="replace"), text if equals else None) for name, equals, text in pairs]
    assert read_redrive(body, headers) is None or SCHEMA.encode() in data
    letter = read_letter(Place(0, 0), NOW, body, headers)
    if letter is None:
        return
    content = letter.content
    assert min(content.partition, content.offset, content.index, letter.whole_size) >= 0
    orjson.dumps([*letter.origin, letter.whole_size, letter.rollout])  # as the command line prints it
    written = content.headers()
    assert all(len(text) <= max(LARGEST_KEPT, 4 * LARGEST_DETAIL) for name, text in written if name != "topic")
    again = read_letter(letter.place, letter.at, content.body(), written)
    assert again is not None
    assert again.origin == letter.origin
    assert (again.content.reason, again.content.value) == (content.reason, content.value[:LARGEST_KEPT])


TARGETS: Final[Mapping[str, Target]] = {
    target.__name__: target
    for target in (
        events,
        journal_record,
        policy_text,
        policy_mapping,
        start,
        control,
        ack,
        decision,
        signature,
        signed_body,
        key_file,
        audit_entry,
        dead_letter,
    )
}


def samples() -> Mapping[str, tuple[bytes, ...]]:
    """Valid inputs of each target, to begin from: the examples of the documentation."""
    event = msgspec.json.encode(topics_examples.REQUEST)
    whole = event[:-1] + b',"user":"u","success":true,"metrics":{"a":1.5},"emitter":"e","id":"x"}'
    rpc = event.replace(b'"status":200', b'"grpc_status":14')
    textual = event.replace(b"1767225600123", b'"2026-01-01T00:00:00.123Z"')
    records = [journal.encode(topics_examples.record(kind)) for kind in (journal.Partial, journal.Progress)]
    begin, order, word = (journal.encode(topics_examples.record(kind)) for kind in SPOKEN)
    policy = orjson.dumps(topics_examples.policy().document())
    letter = topics_examples.dead_letter()
    headers = b"\n".join(name.encode() + b"=" + text for name, text in letter.headers())
    redrive = b"schema=" + SCHEMA.encode() + b"\n\n" + msgspec.json.encode(topics_examples.redrive())
    return {
        "events": (event, whole, rpc, textual, b"[" + event + b"," + whole + b"]", event + b"\n" + whole + b"\n{}"),
        "journal_record": (*records, begin, order, word, journal.encode(topics_examples.journaled()), DETAILED, EXACT),
        "policy_text": (policy, POLICY),
        "policy_mapping": (policy,),
        "start": (begin,),
        "control": (order,),
        "ack": (word,),
        "decision": (orjson.dumps(topics_examples.decision()), orjson.dumps(topics_examples.command())),
        "signature": (_signed()[0][1],),
        "signed_body": (BODY,),
        "key_file": (
            _SIGNING.line(),
            generate("ed25519", "fuzz-2", frozenset(ROLES))[0].line() + b"\n" + _VERIFYING.line(),
        ),
        "audit_entry": (chain.encode(topics_examples.audit_entry()),),
        "dead_letter": (headers + b"\n\n" + letter.body(), redrive),
    }


DETAILED: Final = (
    b'{"schema":"sluicegate.partial/v1","rollout":"r","source":["t",0],"start":0,"upto":2,"final":true,"cells":'
    b'[["c",1767225600000,[0,2,0,0,0,0,0],[744],[2],false,[1,0,[5,9],[0,1,0,0,0,0,0,0,1,0,0,0,0,0],'
    b'{"m":[[65472],[2]]},[7]]]]}'
)
EXACT: Final = (
    b'{"schema":"sluicegate.partial/v1","rollout":"r","source":["t",0],"start":0,"upto":2,"final":true,"cells":'
    b'[["c",1767225600000,[0,0,0,2,0,0,1],[744],[2],false,[1,0,[5,9],[0,0,0,1,0,0,0,0,0,0,1,0,0,0],'
    b'{},[7],[[858,1],[859,1]]],3,1,{"429":2,"1014":1}]]}'
)
POLICY: Final = b"""\
schema: sluicegate.policy/v1
rollout: checkout-v2
labels: {team: "pay\\u00e9"}
cohorts: &names {baseline: stable, candidate: canary}
stages:
  - {name: canary, weight: 1%, bake: 5m, approval: true}
  - name: full
    weight: 100%
    bake: 1h30m
checks:
  errors: {sli: error_rate, limit: 5%, errors: [5xx, 429, "grpc:14"]}
  slow: {sli: latency, quantile: 0.99, limit: 800ms}
not_errors: [3xx, 404]
"""

TOKENS: Final = (
    *(bytes([one]) for one in b'{}[]",:0-1.eE\\ \n\t\r=&*|>#!%'),
    *(b"null", b"true", b"NaN", b"1e999", b"-0.0", b"1e15", b'"\\ud800"', b"\\u0000", b"\xff", b"\xc2\x85"),
    *(b"9" * 19, b"9" * 400, b"1" + b"0" * 4_400, b"[" * 1_100, b'{"a":' * 1_100, b"{a: " * 40, b"a" * 70_000),
    *(b'"schema":', b'"rollout":', b'"at":', b'"weights":', b'"x":', b"<<: ", b"*names", b"\xef\xbb\xbf"),
    *(b"!!python/name:os.system ", b"!!binary ", b"2026-13-01", b"offset=-1\n", b"truncated_from=1_0\n"),
)
"""Pieces that are hard to read."""


def bent(data: bytes, choose: Callable[[int], int]) -> bytes:
    """The data with a piece cut out, repeated, or replaced by a hard one; `choose(n)` picks from 0 up to n.

    Half of the time the piece is a value of a JSON object or of a mapping: the shape holds, and the value may not.
    """
    colons = [place for place, byte in enumerate(data) if byte in b":="]
    if colons and choose(1):
        begin = colons[choose(len(colons) - 1)] + 1
        end = min((found for found in map(data.find, b",}\n", [begin] * 3) if found >= 0), default=len(data))
    else:
        begin = choose(len(data))
        end = min(len(data), begin + (0, 0, 1, 1, 2, 5, 20, len(data))[choose(7)])
    pick = choose(len(TOKENS) + 1)
    piece = TOKENS[pick] if pick < len(TOKENS) else data[begin:end] * (pick - len(TOKENS)) * 2
    return data[:begin] + piece + data[end:]


def _signed_message(kind: MessageType, data: bytes) -> None:
    """A message to the sequencer raises RecordRefusedError alone; an accepted one can be journaled and read again."""
    try:
        message = read_message(kind, data)
    except RecordRefusedError as error:
        assert error.reason in ("bad_message", "bad_policy")
        return
    record = journal.encode(message)
    _bounded(record, data)
    assert journal.decode(record) == message
    numbers = [message.at, *((message.epoch, message.sequence) if isinstance(message, journal.Ack) else ())]
    if isinstance(message, journal.Freeze):
        order = Freezes()
        order.apply(message, 0)
        assert all(Frozen(each.by, each.reason, each.label, each.until).text for each in order.in_force)
        journal.encode_document(order.document(message, 0))
        return
    journal.encode_document({"numbers": numbers, "rollout": message.rollout})  # as snapshots and decisions carry it


def _same(policy: Policy) -> None:
    """Encoded canonically and read back, a policy is the same."""
    again = Policy.parse(orjson.loads(orjson.dumps(policy.document())))
    assert again == policy
    assert again.hash == policy.hash


def _one_line(text: str) -> bool:
    """Whether it can be printed and sent."""
    return "\n" not in text and "\x1b" not in text and bool(text.encode() or not text)


def _bounded(out: bytes, data: bytes) -> None:
    assert len(out) <= MOST_GROWTH * len(data) + 1_000


def _signed() -> list[tuple[str, bytes]]:
    """A header that is accepted, the same each time."""
    return _SIGNED


_SIGNED: Final = RING.sign(TOPIC, BODY, expires_at=NOW + LONGEST_VALID_MS)
