"""The router's choices, its report, and its events."""

from typing import Any

import orjson
import pytest

from connectors.decoders.registry import decoder
from streams.demo.routing import Routing, request_event
from streams.demo.seeds import seeded_random


@pytest.fixture
def routing() -> Routing:
    """Return a router before its first order."""
    return Routing("stable", "canary", seeded_random(1, "router"))


def test_the_baseline_has_everything_until_a_decision(routing: Routing) -> None:
    """Without orders nobody is exposed."""
    assert {routing.choose() for _ in range(1_000)} == {"stable"}
    assert routing.weights == {"stable": 100.0, "canary": 0.0}


@pytest.mark.parametrize("weight", [5.0, 25.0, 50.0])
def test_requests_are_split_by_weight(routing: Routing, weight: float) -> None:
    """The candidate's share of 20,000 requests is its weight, to a percentage point and a half."""
    assert routing.apply({"stable": 100.0 - weight, "canary": weight}, now=0) == routing.weights
    share = sum(routing.choose() == "canary" for _ in range(20_000)) / 200.0
    assert share == pytest.approx(weight, abs=1.5)


def test_the_ends_are_exact(routing: Routing) -> None:
    """Weights of 100 and 0 leave nothing to chance."""
    routing.apply({"stable": 0, "canary": 100}, now=0)
    assert {routing.choose() for _ in range(1_000)} == {"canary"}
    routing.apply({"stable": 100, "canary": 0}, now=1)
    assert {routing.choose() for _ in range(1_000)} == {"stable"}


def test_the_same_seed_chooses_alike() -> None:
    """Runs can be repeated; the parts of the demo draw independently."""

    def choices(seed: int, part: str) -> list[str]:
        routing = Routing("stable", "canary", seeded_random(seed, part))
        routing.apply({"stable": 50, "canary": 50}, now=0)
        return [routing.choose() for _ in range(100)]

    assert choices(7, "router") == choices(7, "router")
    assert choices(7, "router") != choices(8, "router")
    assert choices(7, "router") != choices(7, "load")


def test_weights_for_others_are_refused(routing: Routing) -> None:
    """Cohorts that this router does not serve are an error, which the ack reports; nothing changes."""
    with pytest.raises(ValueError, match="serves stable and canary"):
        routing.apply({"blue": 50, "green": 50}, now=0)
    assert routing.weights == {"stable": 100.0, "canary": 0.0}


def test_the_report_times_the_first_bad_answer_and_the_end(routing: Routing) -> None:
    """The usual errors are not the fault; the first answer with the fault counts, and the first weight of zero."""
    routing.apply({"stable": 75, "canary": 25}, now=10)
    routing.count_request("canary", 20)
    routing.count_answer("canary", 500, 30, faulty=False)
    assert routing.report.first_bad_at is None
    for now in (40, 60):
        routing.count_request("canary", now)
        routing.count_answer("canary", 500, now + 10, faulty=True)
    routing.count_request("stable", 75)
    routing.count_answer("stable", 200, 80, faulty=False)
    middle = routing.report.document()
    assert (middle["first_bad_at"], middle["zero_at"]) == (50, None)
    for now in (90, 99):  # the second is a repeat
        routing.apply({"stable": 100, "canary": 0}, now=now)
    report = routing.report
    assert (report.zero_at, report.last_forwarded_at, report.last_answer_at) == (90, 60, 70)
    tallies: Any = report.document()["tallies"]
    assert tallies == {"stable": {"requests": 1, "errors": 0}, "canary": {"requests": 3, "errors": 3}}


def test_a_router_that_never_sent_anything_is_not_timed(routing: Routing) -> None:
    """A weight of zero from the beginning is no end of traffic."""
    routing.apply({"stable": 100, "canary": 0}, now=5)
    assert routing.report.zero_at is None


def test_events_are_what_ingest_reads() -> None:
    """The router's event is a native request event, field by field."""
    batch = decoder().decode(
        orjson.dumps(request_event("r7", "checkout-v2", "canary", 503, 12.34567, 1_767_225_600_123))
    )
    assert not batch.faults
    (read,) = batch.events
    assert (read.rollout, read.cohort, read.ts_ms) == ("checkout-v2", "canary", 1_767_225_600_123)
    assert read.latency_ms == pytest.approx(12.346)
