"""Missing telemetry in words: the numbers, the cause, and what to do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gates.machine.missing_telemetry import advice, silence_of, telemetry_missing, untrusted
from gates.telemetry import CohortTelemetry
from gates.verdicts import Evaluation
from tests.gates.pane_builders import T0, policy

POLICY = policy({"a": {"sli": "error_rate", "limit": "20%"}})
SILENT = Evaluation(
    T0,
    T0 + 1_000,
    (),
    silent_ms=30_000,
    silent_cohorts=("canary",),
    broken=False,
    trusted=False,
    completeness=1.0,
    telemetry={"canary": CohortTelemetry(), "stable": CohortTelemetry(9, unreadable=4)},
)


def incomplete(**counts: int) -> Evaluation:
    """Return an evaluation in which these events of the candidate are missing."""
    known = CohortTelemetry(100, **counts)
    return replace(SILENT, on_time=known.completeness, telemetry={"canary": known}, least_complete="canary")


@pytest.mark.parametrize(
    ("silent", "canary", "text"),
    [
        (("canary",), {}, "canary has had no requests for 30s"),
        (
            ("canary",),
            {"unreadable": 300, "refused": 2},
            "canary has had no requests for 30s, and 302 of its events in this stage could not be counted",
        ),
        (
            ("canary", "stable"),
            {},
            "canary and stable have had no requests for 30s, and 4 of their events in this stage could not be counted",
        ),
    ],
)
def test_silence(silent: tuple[str, ...], canary: dict[str, int], text: str) -> None:
    """A cohort without requests may have sent events all the same."""
    telemetry = {**SILENT.telemetry, "canary": CohortTelemetry(**canary)}
    assert silence_of(replace(SILENT, silent_cohorts=silent, telemetry=telemetry)) == text


def test_late_events_of_a_silent_cohort() -> None:
    """They are missing as well; an epoch of the first rules, in which no cohort decides, keeps its words."""
    late = replace(SILENT, telemetry={"canary": CohortTelemetry(late=58, unreadable=2)})
    assert silence_of(replace(late, least_complete="canary")) == (
        "canary has had no requests for 30s, and 60 of its events in this stage could not be counted"
    )
    assert silence_of(late) == (
        "canary has had no requests for 30s, and 2 of its events in this stage could not be counted"
    )


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"late": 300}, "check ingest lag and producers' clocks"),
        ({"unreadable": 300, "late": 1}, "read the dead letters (sluicegate dlq list)"),
        ({"refused": 300, "late": 1}, "check which rollouts, cohorts and times producers name"),
        ({"clamped": 90, "late": 1}, "check producers' clocks"),
    ],
)
def test_advice_is_about_the_main_cause(counts: dict[str, int], words: str) -> None:
    """Each cause has its own."""
    assert advice(POLICY, incomplete(**counts)) == words


def test_advice_where_no_event_is_missing() -> None:
    """A source partition has not reported, or an epoch of the first rules does not count by cohort."""
    assert advice(POLICY, replace(incomplete(unreadable=1), on_time=1.0)) == "check ingest lag and producers' clocks"
    assert advice(POLICY, replace(SILENT, on_time=0.5)) == "check ingest lag and producers' clocks"


def test_what_is_untrusted() -> None:
    """The cohort with its numbers, all together under the first rules, or the pane."""
    assert untrusted(POLICY, "one", incomplete(unreadable=300)) == (
        "canary's telemetry is 25% complete (300 of 400 events of stage one could not be read), "
        "needs 99% (min_completeness)"
    )
    assert untrusted(POLICY, "one", replace(SILENT, on_time=0.9, completeness=0.9)) == (
        "telemetry is 90% complete, needs 99% (min_completeness)"
    )
    lately = replace(SILENT, lately=("canary", CohortTelemetry(10, unreadable=30)))
    assert untrusted(POLICY, "one", lately) == (
        "canary's telemetry is 25% complete (30 of 40 events of the last minute could not be read), "
        "needs 99% (min_completeness)"
    )
    assert advice(POLICY, lately) == "read the dead letters (sluicegate dlq list)"
    assert untrusted(POLICY, "one", SILENT) == (
        "telemetry is incomplete: a source partition has not reported (100% so far)"
    )


def test_the_last_minute_is_named_where_the_stage_is_complete() -> None:
    """With its own numbers and advice."""
    lately = replace(SILENT, lately=("canary", CohortTelemetry(50, unreadable=50)))
    assert untrusted(POLICY, "one", lately) == (
        "canary's telemetry is 50% complete (50 of 100 events of the last minute could not be read), "
        "needs 99% (min_completeness)"
    )
    assert advice(POLICY, lately) == "read the dead letters (sluicegate dlq list)"


def test_it_is_missing_for_a_hold_after_a_while() -> None:
    """Requests, or complete telemetry."""
    limit, complete = POLICY.no_data.hold_after_ms, replace(SILENT, silent_ms=0)
    assert telemetry_missing(POLICY, replace(complete, untrusted_ms=limit))
    assert telemetry_missing(POLICY, replace(complete, silent_ms=limit))
    assert not telemetry_missing(POLICY, replace(complete, untrusted_ms=limit - 1))
