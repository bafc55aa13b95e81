"""The native decoder: three shapes of message, faults that name the smallest element, no exceptions."""

import doctest
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.decoders import MAX_BYTES, REASONS, Decoded, Fault, RequestEvent, native
from connectors.decoders.native import NativeDecoder

decode, decode_valid, decode_run = NativeDecoder().decode, NativeDecoder().decode_valid, NativeDecoder().decode_run

GOOD: dict[str, Any] = {"ts": 1767225600123, "rollout": "r", "cohort": "c", "status": 200, "latency_ms": 1.5}
DEEP = b"[" * 10_000
NAMES_MAY_BE = [("rollout", "x"), ("cohort", "x")]


def written(**changes: Any) -> bytes:
    """Write the good event with some fields changed, or left out where the change is `...`."""
    return json.dumps({name: value for name, value in (GOOD | changes).items() if value is not ...}).encode()


def only_fault(value: bytes | None) -> Fault:
    """Return the one fault of a message that holds no event."""
    decoded = decode(value)
    assert decoded.events == []
    assert len(decoded.faults) == 1
    return decoded.faults[0]


@st.composite
def good_events(draw: st.DrawFn) -> dict[str, Any]:
    """Any valid event, as the fields a producer would write."""
    name, text = st.text(min_size=1, max_size=128), st.text(max_size=256)
    number = st.floats(allow_nan=False, allow_infinity=False)
    optional: dict[str, st.SearchStrategy[Any]] = {
        "success": st.booleans(),
        "synthetic": st.booleans(),
        "metrics": st.dictionaries(st.text(max_size=64), number, max_size=32),
        **dict.fromkeys(("user", "emitter"), text),
    }
    fields: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
        {
            "ts": st.integers(10**11, 10**14 - 1),
            "rollout": name,
            "cohort": name,
            "latency_ms": st.floats(0, allow_infinity=False),
        },
        optional=optional,
    )
    results: list[dict[str, Any]] = [{"status": 404}, {"outcome": "error"}, {"status": 200, "outcome": "ok"}]
    results += [{"grpc_status": 14}, {"status": 200, "grpc_status": 0}]
    event = {**draw(fields), **draw(st.sampled_from(results))}
    if draw(st.integers(0, 4)):
        return event
    for field in ("latency_ms", "status", "grpc_status", "outcome"):
        event.pop(field, None)
    return {**event, "heartbeat": True, "emitter": "pod-1"}


def encoded(fields: dict[str, Any]) -> bytes:
    """Return an event as producers write it."""
    return json.dumps(fields).encode()


def bad_elements() -> st.SearchStrategy[bytes]:
    """Draw valid JSON on one line that is not an event: not an object, or with one thing wrong."""
    wrong: list[dict[str, Any]] = [{name: ...} for name in GOOD]
    values: list[Any] = [[], -2, "x"]
    wrong += [{name: value} for name in GOOD for value in values if (name, value) not in NAMES_MAY_BE]
    return st.sampled_from([written(**change) for change in wrong] + [b"[]", b"null", b"1", b'"text"', b"{}"])


def test_example() -> None:
    """The example in the documentation runs."""
    assert doctest.testmod(native).failed == 0


@given(st.binary() | st.text().map(str.encode) | st.lists(st.sampled_from([*b'{}[]",:\n 1'])).map(bytes))
@settings(max_examples=500)
def test_never_raises(value: bytes) -> None:
    """Any bytes decode to events or faults, and never to nothing unless they are an empty array."""
    decoded = decode(value)
    assert decoded.events or decoded.faults or value.split() in ([b"[]"], [b"[", b"]"])
    assert all(fault.reason in REASONS and fault.detail.isprintable() for fault in decoded.faults)


@given(good_events(), st.data())
def test_never_raises_on_damage(fields: dict[str, Any], data: st.DataObject) -> None:
    """An event with a byte changed or cut off decodes to an event or a fault, never to both."""
    value = bytearray(json.dumps(fields).encode())
    at = data.draw(st.integers(0, len(value) - 1))
    value[at] = data.draw(st.integers(0, 255))
    for damaged in (bytes(value), bytes(value[:at])):
        decoded = decode(damaged)
        assert len(decoded.events) + len(decoded.faults) == 1


@given(good_events())
def test_round_trip(fields: dict[str, Any]) -> None:
    """Every valid event decodes to the fields that were written, and again from what it is written as."""
    decoded = decode(json.dumps(fields).encode())
    assert decoded.faults == []
    [event] = decoded.events
    again = json.loads(msgspec.json.encode(event))
    assert fields.get("heartbeat") or again == fields
    assert again | fields == again  # a heartbeat without a latency is written with a null
    assert decode_valid(msgspec.json.encode(event)) == [event]


@given(st.lists(good_events(), min_size=1, max_size=5), st.sampled_from([b"\n", b"\r\n", b"\n\n", b"\n \t\n"]))
def test_shapes_agree(batch: list[dict[str, Any]], end: bytes) -> None:
    """For valid events an array, NDJSON and single objects are the same."""
    singles = [json.dumps(fields).encode() for fields in batch]
    events = [event for value in singles for event in decode(value).events]
    assert decode(b"[" + b" ,\n".join(singles) + b"]\n") == Decoded(events, [])
    assert decode(end.join(singles) + end) == Decoded(events, [])
    run = decode_run(singles)
    assert run is None or list(map(fields_of, run)) == list(map(fields_of, events))
    lines = decode_valid(b"\n".join(singles))
    if lines is not None:
        assert list(map(fields_of, lines)) == list(map(fields_of, events))
    else:
        assert len(batch) == 1 or not all(map(is_bare, events))


@given(st.lists(st.tuples(st.booleans(), bad_elements()), min_size=2, max_size=8))
def test_good_ones_are_kept(plan: list[tuple[bool, bytes]]) -> None:
    """A batch of good and bad elements yields the good ones in order and one fault for each bad one, and its bytes."""
    parts = [written(user=str(at)) if good else bad for at, (good, bad) in enumerate(plan)]
    ids = [str(at) for at, (good, _) in enumerate(plan) if good]
    bad = [(at, part) for at, part in enumerate(parts) if not plan[at][0]]

    array = decode(b"[" + b",".join(parts) + b"]")
    assert [event.user for event in array.events] == ids
    assert [(fault.index, fault.raw) for fault in array.faults] == bad

    lines = decode(b"\r\n".join([b'{"first": "line"}', *parts]))
    assert [event.user for event in lines.events] == ids
    assert [(fault.index - 2, fault.raw) for fault in lines.faults] == [(-1, b'{"first": "line"}'), *bad]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "empty"),
        (b"", "empty"),
        (b" \r\n\t", "empty"),
        (b" " * (MAX_BYTES + 1), "oversized"),
        (b"\xff", "bad_encoding"),
        (written().replace(b'"r"', b'"\xc3("'), "bad_encoding"),
        (written().decode().encode("utf-16"), "bad_encoding"),
        (b"{", "bad_json"),
        (b"\xef\xbb\xbf" + written(), "bad_json"),
        (written() + b",", "bad_json"),
        (written() + written(), "bad_json"),
        (written(ts="x")[:-1], "bad_json"),
        (written(rollout="\ud800"), "bad_json"),
        (written(latency_ms=float("nan")), "bad_json"),
        (written(latency_ms=float("inf")), "bad_json"),
        (b"[" + written() + b",]", "bad_json"),
        (b"[" + written() + b"," + written()[:-3], "bad_json"),
        (DEEP, "too_deep"),
        (DEEP + b"]" * 10_000, "too_deep"),
        (b'{"a":' * 10_000, "too_deep"),
        (written(x=0).replace(b"0}", DEEP), "too_deep"),
        (b"null", "not_an_object"),
        (b'"text"', "not_an_object"),
        (written(cohort=...), "missing_field"),
        (written(status=...), "missing_field"),
        (written(latency_ms=...), "missing_field"),
        (written(heartbeat=True), "missing_field"),
        (written(status=600), "wrong_field"),
        (written().replace(b"1.5", b"1e999"), "wrong_field"),
        (written(metrics={"x" * 65: 1}), "wrong_field"),
        (written(ts=...), "missing_field"),
        (written(ts=None), "bad_timestamp"),
        (written(ts="2026-01-01T00:00:00"), "bad_timestamp"),
        (written(ts="1971-01-01T00:00:00Z"), "bad_timestamp"),
        (written(ts=1767225600123.5), "bad_timestamp"),
        (written(ts=10**400), "bad_timestamp"),
        (written(ts="é" * 40), "bad_timestamp"),
        (written(ts=1767225600), "timestamp_in_seconds"),
        (written(ts=1767225600.123), "timestamp_in_seconds"),
        (written(ts=1767225600123456), "timestamp_in_microseconds"),
        (written(ts=1767225600123456789), "timestamp_in_nanoseconds"),
    ],
)
def test_reasons(value: bytes | None, reason: str) -> None:
    """Each way to be malformed has its reason, and the fault holds the whole value."""
    fault = only_fault(value)
    assert (fault.reason, fault.raw, fault.index) == (reason, value or b"", 0)
    assert decode_valid(value) is None


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"cohort": ...}, "cohort: required, and absent"),
        ({"status": ...}, "status, grpc_status or outcome: required, and absent"),
        ({"latency_ms": ...}, "latency_ms: required, and absent"),
        ({"latency_ms": ..., "status": ...}, "latency_ms: required, and absent"),
        ({"latency_ms": ..., "status": ..., "heartbeat": True}, "emitter: required, and absent"),
        ({"status": "200"}, "status: expected `int | null`, got `str`"),
        ({"outcome": "\x1b[2Jmeh"}, "outcome: invalid enum value '\\x1b[2Jmeh'"),
        ({"metrics": {"cpu": None}}, "metrics[...]: expected `float`, got `null`"),
        ({"metrics": {"x" * 65: 1}}, "a name in metrics: expected `str` of length <= 64"),
        ({"ts": 1767225600}, "ts: 1767225600 looks like seconds since the epoch; milliseconds are expected"),
        ({"ts": 1767225600123.5}, "ts: 1767225600123.5 is not a whole number"),
        ({"ts": 7}, "ts: 7 is out of range: 100000000000 up to 100000000000000 milliseconds since the epoch"),
        ({"ts": "soon"}, 'ts: invalid RFC3339 encoded datetime, got "soon"'),
        ({"ts": True}, "ts: expected milliseconds since the epoch or RFC 3339 text, got true"),
        ({"ts": "1971-01-01T00:00:00Z"}, 'ts: timestamp out of range, got "1971-01-01T00:00:00Z"'),
    ],
)
def test_details(changes: dict[str, Any], detail: str) -> None:
    """The detail names the field and states what is wrong with it, in printable characters."""
    assert only_fault(written(**changes)).detail == detail


NO_COHORT = [({"cohort": ...}, "missing_field"), ({"cohort": None}, "wrong_field"), ({"cohort": ""}, "wrong_field")]


@pytest.mark.parametrize(("change", "reason"), NO_COHORT)
@pytest.mark.parametrize("shape", [b"%s", b"[%s]", b"\n%s\n{}"])
def test_what_lacks_a_cohort_alone_is_handed_on(change: dict[str, Any], reason: str, shape: bytes) -> None:
    """An event without a cohort is a fault as ever; the fault holds the event, of cohort "", so that it can count."""
    known = {"ts": "2026-01-01T00:00:00.123Z", "user": "ann", "success": False, "metrics": {"cost": 2.5}}
    decoded = decode(shape % written(**known, **change))
    assert decoded.events == []
    assert decoded.faults[0].reason == reason
    assert decoded.faults[0].event == msgspec.structs.replace(decode(written(**known)).events[0], cohort="")
    assert decoded.counted == [decoded.faults[0].event]


@pytest.mark.parametrize("change", [{"cohort": ...}, {"cohort": None}, {"cohort": ""}])
@pytest.mark.parametrize("wrong", [{"rollout": ...}, {"status": 99}, {"status": ...}, {"latency_ms": ...}, {"ts": 7}])
def test_what_lacks_more_is_not(change: dict[str, Any], wrong: dict[str, Any]) -> None:
    """With a second thing wrong, or a cohort that is no text, there is nothing to count."""
    assert only_fault(written(**change, **wrong)).event is None
    assert only_fault(written(cohort=7)).event is None
    assert only_fault(written(cohort="c" * 129)).event is None


def test_good_events_count_first() -> None:
    """What counts of a message: its events in order, then those without a cohort, in order."""
    parts = [written(user="a", cohort=None), written(user="b"), b"7", written(user="c", cohort=...), written(user="d")]
    assert [event.user for event in decode(b"\n".join(parts)).counted] == ["b", "d", "a", "c"]


def test_details_are_short() -> None:
    """A stranger's megabyte does not become a log line."""
    assert len(only_fault(written(outcome="x" * 100_000)).detail) == 200


def test_faults_in_lines_have_line_numbers() -> None:
    """In NDJSON the index is the line number, and blank lines count."""
    decoded = decode(b"\n" + written() + b"\r\n\r\n" + b"{oops\r\n" + written() + b"\n\xff\n")
    assert len(decoded.events) == 2
    assert [(fault.index, fault.reason, fault.raw) for fault in decoded.faults] == [
        (4, "bad_json", b"{oops"),
        (6, "bad_encoding", b"\xff"),
    ]


def test_a_line_is_one_object() -> None:
    """Two objects on one line, or one array on a line of several, are not NDJSON events."""
    decoded = decode(written() + written() + b"\n" + written() + b"\n[" + written() + b"]")
    assert len(decoded.events) == 1
    assert [(fault.index, fault.reason) for fault in decoded.faults] == [(1, "bad_json"), (3, "not_an_object")]


def test_pretty_printed() -> None:
    """One object over many lines is one object, and one fault if it is cut off."""
    pretty = json.dumps(GOOD, indent=2).encode()
    assert decode(pretty).events == decode_valid(written())
    assert only_fault(pretty[:-1]).raw == pretty[:-1]


def test_elements_keep_their_encoding_fault() -> None:
    """Invalid UTF-8 in one element of an array is a fault of that element."""
    bad = written().replace(b'"r"', b'"\xff"')
    decoded = decode(b"[" + written() + b"," + bad + b"]")
    assert len(decoded.events) == 1
    assert [(fault.reason, fault.raw, fault.index) for fault in decoded.faults] == [("bad_encoding", bad, 1)]


def test_empty_array() -> None:
    """An empty array is a message of no events, not a fault."""
    assert decode(b" [ ] ") == Decoded([], [])


def test_max_bytes() -> None:
    """A value of just the limit is taken, one byte more is not."""
    value = written()
    assert decode(value, max_bytes=len(value)).events
    assert decode(value, max_bytes=len(value) - 1).faults[0].reason == "oversized"
    assert decode_valid(value, max_bytes=len(value) - 1) is None


@pytest.mark.parametrize("shape", [b"[%s]", b"%s"])
def test_poison(shape: bytes) -> None:
    """Beyond a thousand faults in a message one fault holds all further faulty elements; good events are kept."""
    separator = b"," if b"[" in shape else b"\n"
    decoded = decode(shape % separator.join([*[b"1"] * 5000, written()]))
    assert len(decoded.events) == 1
    assert len(decoded.faults) == 1001
    last = decoded.faults[-1]
    assert last.reason == "too_many_faults"
    assert last.raw.split() == [b"1"] * 4000
    assert last.index == decoded.faults[-2].index + 1


@given(st.lists(st.none() | st.binary(max_size=20) | good_events().map(encoded), max_size=5))
def test_a_run_is_all_or_nothing(values: list[bytes | None]) -> None:
    """What is decoded at once is what is decoded one by one; with anything but plain events, nothing is."""
    run = decode_run(values)
    each = [decode_valid(value) for value in values]
    if run is not None:
        assert [[fields_of(event)] for event in run] == [list(map(fields_of, events or [])) for events in each]
    else:
        assert any(events is None or not all(map(is_plain, events)) for events in each)


def fields_of(event: Any) -> dict[str, Any]:
    """Return all fields of an event, whatever its class."""
    return msgspec.structs.asdict(event)


def is_plain(event: RequestEvent) -> bool:
    """Return whether an event has a status and a latency, and is no heartbeat; times here are numbers."""
    answered = event.status >= 100 if event.status is not None else event.grpc_status is not None
    return answered and event.latency_ms is not None and event.heartbeat is None


def is_bare(event: RequestEvent) -> bool:
    """Return whether an event has none of the optional fields but a status."""
    plain = (
        is_plain(event)
        and event.grpc_status is None
        and event.outcome is None
        and event.user is None
        and event.success is None
    )
    return plain and event.synthetic is None and event.metrics is None and event.emitter is None


def test_lines_within_the_limits() -> None:
    """NDJSON of bare events is decoded in one go; with a larger value or any other line it is left to `decode`."""
    bare = b"\n".join([written(), written()])
    events = decode_valid(bare) or []
    assert [(event.status, event.has_details) for event in events] == [(200, False)] * 2
    assert decode_valid(bare, max_bytes=10) is None
    assert decode_valid(None) is None
    assert decode_valid(bare + b"\n{}") is None
    assert decode_valid(bare + b"\n" + written(user="ann")) is None


def test_a_run_within_the_limits() -> None:
    """Too large is too large, textual times and false heartbeats go the long way, and a run of none is one."""
    assert decode_run([]) == []
    assert decode_run([written()]) is not None
    assert decode_run([written()], max_bytes=10) is None
    assert decode_run([written(ts="2026-01-01T00:00:00Z")]) is None
    assert decode_run([written(heartbeat=False)]) is None


def test_runs_of_grpc_and_http_are_decoded_at_once() -> None:
    """Services of both kinds may share a topic."""
    rpc = [written(status=..., grpc_status=14), written(grpc_status=0, user="ann"), written(), written(grpc_status=5)]
    assert [(event.status, event.grpc_status) for event in decode_run(rpc) or ()] == [
        (None, 14),
        (200, 0),
        (200, None),
        (200, 5),
    ]
    assert decode_run([*rpc, written(status=..., grpc_status=17)]) is None
