"""RequestEvent: which fields are taken, which values are refused, what an event counts as."""

import doctest
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.decoders import CLASS_INDEX, RequestEvent, event, result_of
from gates.panes import CLASSES

GOOD: dict[str, Any] = {"ts": 1767225600123, "rollout": "checkout-v2", "cohort": "canary", "status": 200}
GOOD["latency_ms"] = 12.7


def read(**changes: Any) -> RequestEvent:
    """Decode the good event with some fields changed, or left out where the change is `...`."""
    fields = {name: value for name, value in (GOOD | changes).items() if value is not ...}
    return msgspec.json.decode(json.dumps(fields), type=RequestEvent)


def test_example() -> None:
    """The example in the documentation runs."""
    assert doctest.testmod(event).failed == 0


def test_smallest_event() -> None:
    """Five fields make an event; all others are None."""
    assert read() == RequestEvent(
        ts_ms=1767225600123, rollout="checkout-v2", cohort="canary", latency_ms=12.7, status=200
    )


def test_frozen() -> None:
    """A fact does not change."""
    with pytest.raises(AttributeError):
        read().status = 500  # type: ignore[misc]


def test_unknown_fields() -> None:
    """Unknown fields are ignored, whatever they hold."""
    assert read(schema="x/v1", extra={"deep": [1, None]}) == read()


@pytest.mark.parametrize("status", [0, -1])
def test_no_answer_is_an_error(status: int) -> None:
    """As proxies log a request that was never answered."""
    assert CLASSES[CLASS_INDEX[read(status=status).status]] == "error"


@pytest.mark.parametrize(
    "failed",
    [{"status": 404}, {"status": 0}, {"grpc_status": 5}, {"outcome": "error"}, {"status": 503, "grpc_status": 0}],
)
@pytest.mark.parametrize("latency", [..., None])
def test_a_failure_may_lack_its_latency(failed: dict[str, Any], latency: Any) -> None:
    """It need not have ended. It reads the same once it was written again."""
    found = read(**failed, latency_ms=latency)
    assert found.latency_ms is None
    assert msgspec.json.decode(msgspec.json.encode(found), type=RequestEvent) == found


@pytest.mark.parametrize("good", [{"status": 301}, {"status": 503, "outcome": "ok"}, {"grpc_status": 0}])
def test_a_success_says_that_it_has_no_latency(good: dict[str, Any]) -> None:
    """By null; without the field the event is refused."""
    assert read(**good, latency_ms=None).latency_ms is None
    with pytest.raises(msgspec.ValidationError, match="`latency_ms`"):
        read(**good, latency_ms=...)


@pytest.mark.parametrize("name", ["ts", "rollout", "cohort", "latency_ms"])
@pytest.mark.parametrize("value", [..., None, [], {}, True])
def test_required(name: str, value: Any) -> None:
    """A required field is there, not null (but for the latency), and of its type."""
    if (name, value) == ("latency_ms", None):
        return
    with pytest.raises(msgspec.ValidationError):
        read(**{name: value})


OPTIONAL_TEXT = ["user", "emitter"]


@pytest.mark.parametrize(
    "name", [*OPTIONAL_TEXT, "success", "synthetic", "metrics", "heartbeat", "outcome", "grpc_status"]
)
def test_null_is_absent(name: str) -> None:
    """In an optional field null means the same as leaving it out."""
    assert read(**{name: None}) == read()


@pytest.mark.parametrize(
    ("name", "limit"), [("rollout", 128), ("cohort", 128), *((name, 256) for name in OPTIONAL_TEXT)]
)
def test_text_limits(name: str, limit: int) -> None:
    """Text is limited in characters, not in bytes."""
    assert len(getattr(read(**{name: "é" * limit}), name)) == limit
    with pytest.raises(msgspec.ValidationError):
        read(**{name: "e" * (limit + 1)})


@pytest.mark.parametrize("name", ["rollout", "cohort"])
def test_names_are_not_empty(name: str) -> None:
    """A rollout and a cohort have a name."""
    with pytest.raises(msgspec.ValidationError):
        read(**{name: ""})


@pytest.mark.parametrize("status", [99, 600, 1, -2, -200, 200.0, "200", True])
def test_refused_statuses(status: Any) -> None:
    """A status is a whole number from 100 to 599, or 0 or -1 without an answer."""
    with pytest.raises(msgspec.ValidationError):
        read(status=status)


@pytest.mark.parametrize("status", [-1, 17, 14.0, "14", "UNAVAILABLE", True])
def test_refused_grpc_statuses(status: Any) -> None:
    """A gRPC status is its number, 0 to 16."""
    with pytest.raises(msgspec.ValidationError):
        read(grpc_status=status)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        *(({"status": 500, "grpc_status": number}, "error") for number in (2, 4, 12, 13, 14, 15)),
        *(({"status": ..., "grpc_status": number}, "4xx") for number in (1, 3, 5, 6, 7, 8, 9, 10, 11, 16)),
        ({"status": ..., "grpc_status": 0}, "ok"),
        ({"status": 200, "grpc_status": 0}, "ok"),
        ({"status": 304, "grpc_status": 0}, "ok"),
        ({"status": 503, "grpc_status": 0}, "5xx"),
        ({"status": 404, "grpc_status": 0}, "4xx"),
        ({"status": 0, "grpc_status": 0}, "error"),
        ({"status": -1, "grpc_status": 0}, "error"),
        ({"status": 503, "grpc_status": 0, "outcome": "ok"}, "ok"),
        ({"grpc_status": 14, "outcome": "ok"}, "ok"),
        ({"grpc_status": 0, "outcome": "error"}, "error"),
        ({"status": 429}, "4xx"),
    ],
)
def test_the_first_of_three_counts(fields: dict[str, Any], word: str) -> None:
    """The outcome, else the gRPC status, else the HTTP status, of which an OK of gRPC hides no error."""
    assert CLASSES[CLASS_INDEX[result_of(read(**fields))]] == word


@pytest.mark.parametrize("outcome", ["OK", "fail", "", 1, True])
def test_refused_outcomes(outcome: Any) -> None:
    """An outcome is ok or error, and no other word."""
    with pytest.raises(msgspec.ValidationError):
        read(outcome=outcome)


@pytest.mark.parametrize("status", [..., None])
def test_status_or_outcome(status: Any) -> None:
    """One of status, gRPC status and outcome is given."""
    assert read(status=status, outcome="ok").status is None
    assert read(status=status, grpc_status=0).status is None
    with pytest.raises(msgspec.ValidationError, match="`status`, `grpc_status` or `outcome`"):
        read(status=status)
    with pytest.raises(ValueError, match="`status`, `grpc_status` or `outcome`"):
        RequestEvent(ts_ms=1767225600123, rollout="r", cohort="c", latency_ms=1)


HEARTBEAT = {"heartbeat": True, "emitter": "pod-1", "status": ..., "latency_ms": ...}


def test_heartbeat() -> None:
    """An emitter's word that it is there needs neither latency nor outcome, and may have both."""
    seen = read(**HEARTBEAT)
    assert (seen.emitter, seen.status, seen.outcome, seen.latency_ms) == ("pod-1", None, None, None)
    assert read(**HEARTBEAT | {"status": 200, "latency_ms": 3}).latency_ms == 3.0
    assert json.loads(msgspec.json.encode(seen)).keys() == {
        "ts",
        "rollout",
        "cohort",
        "heartbeat",
        "emitter",
        "latency_ms",
    }


@pytest.mark.parametrize("change", [{"emitter": ...}, {"emitter": None}, {"emitter": ""}])
def test_a_heartbeat_needs_an_emitter(change: dict[str, Any]) -> None:
    """A heartbeat without an emitter has no content, and is refused."""
    with pytest.raises(msgspec.ValidationError, match="`emitter`"):
        read(**HEARTBEAT | change)


@pytest.mark.parametrize("change", [{"cohort": ...}, {"rollout": ...}, {"ts": ...}, {"latency_ms": -1}, {"status": 7}])
def test_a_heartbeat_is_checked(change: dict[str, Any]) -> None:
    """What a heartbeat has of an event must be right."""
    with pytest.raises(msgspec.ValidationError):
        read(**HEARTBEAT | change)


@pytest.mark.parametrize("heartbeat", [False, None, ...])
def test_no_heartbeat_is_a_request(heartbeat: Any) -> None:
    """Without the word an event is a request, and has a latency and an outcome."""
    assert read(heartbeat=heartbeat, emitter="pod-1").emitter == "pod-1"
    with pytest.raises(msgspec.ValidationError, match="`latency_ms`"):
        read(heartbeat=heartbeat, latency_ms=...)
    with pytest.raises(ValueError, match="`latency_ms`"):
        RequestEvent(ts_ms=1767225600123, rollout="r", cohort="c", status=200)


@given(st.integers(100, 599), st.sampled_from([None, "ok", "error"]))
def test_class(status: int, outcome: str | None) -> None:
    """An event counts as its outcome if it has one, else as the class of its status."""
    seen = read(status=status, outcome=outcome)
    assert CLASSES[CLASS_INDEX[seen.outcome or seen.status]] == (outcome or f"{status // 100}xx")


@pytest.mark.parametrize("latency", [0, 0.0, 5, 1e300])
def test_latencies(latency: float) -> None:
    """A latency is any finite number from 0."""
    assert read(latency_ms=latency).latency_ms == latency


@pytest.mark.parametrize("latency", ["NaN", "Infinity", "-Infinity", "1e999", "-1", "-1e-9", '"1"', "1" * 400])
def test_refused_latencies(latency: str) -> None:
    """What is not finite, negative, or not a number is no latency."""
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(json.dumps(GOOD).replace("12.7", latency), type=RequestEvent)


def test_metrics() -> None:
    """At most 32 metrics, their names at most 64 characters long."""
    most = {f"{number:064}": number / 2 for number in range(32)}
    assert read(metrics=most).metrics == most


@pytest.mark.parametrize(
    "metrics",
    [
        {"x" * 65: 1},
        {str(number): 1 for number in range(33)},
        {"x": "1"},
        {"x": None},
        {"x": True},
        {"x": float("nan")},
    ],
)
def test_refused_metrics(metrics: dict[str, Any]) -> None:
    """A metric is a finite number."""
    with pytest.raises(msgspec.DecodeError):
        read(metrics=metrics)


@pytest.mark.parametrize(
    ("ts", "ts_ms"),
    [
        (10**11, 10**11),
        (10**14 - 1, 10**14 - 1),
        ("2026-01-01T00:00:00.123Z", 1767225600123),
        ("2026-01-01T00:00:00.1239Z", 1767225600123),
        ("2026-01-01T00:00:00.999999999Z", 1767225600999),
        ("2026-01-01T00:00:00.1239999999999+00:00", 1767225600123),
        ("2026-01-01t01:00:00.123+01:00", 1767225600123),
        ("2026-01-01T00:00:00Z", 1767225600000),
    ],
)
def test_timestamps(ts: Any, ts_ms: int) -> None:
    """A time stamp is milliseconds since the epoch or RFC 3339 text, and always read as whole milliseconds."""
    seen = read(ts=ts)
    assert seen.ts_ms == ts_ms
    assert type(seen.ts_ms) is int


@pytest.mark.parametrize(
    "ts",
    [
        *(10**11 - 1, 10**14, 0, -1, 1767225600, 1767225600123.0, 10**400, "1767225600123", "", "yesterday"),
        *("2026-01-01", "2026-01-01T00:00:00", "1970-01-01T00:00:00Z", "0001-01-01T00:00:00+05:00"),
        *("2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "9999-12-31T23:59:59.9999999Z", "9999-12-31T00:00:00Z"),
        *("2026-01-01T00:00:00.9999999999", "2026-01-01T00:00:00.99999999x9Z"),
    ],
)
def test_refused_timestamps(ts: Any) -> None:
    """A time stamp is in range and, as text, has an offset."""
    with pytest.raises(msgspec.ValidationError):
        read(ts=ts)


OFFSETS = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(datetime(1974, 1, 1), datetime(5000, 1, 1), timezones=OFFSETS))  # noqa: DTZ001  # OFFSETS adds it
def test_text_and_number_agree(moment: datetime) -> None:
    """RFC 3339 text, whatever its offset, gives the same event as its number of milliseconds."""
    ts_ms = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert read(ts=moment.isoformat()) == read(ts=ts_ms)


def test_writing() -> None:
    """A written event has the wire's names, a numeric time stamp and no absent fields."""
    assert json.loads(msgspec.json.encode(read(ts="2026-01-01T00:00:00.123Z"))) == GOOD
