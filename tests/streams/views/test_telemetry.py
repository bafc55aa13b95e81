"""How complete a cohort's telemetry is, in words."""

import pytest

from streams.views.telemetry import incomplete_cohorts, telemetry_text


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        ({"requests": 90, "late": 10, "completeness": 0.9}, "90% complete: 10 of 100 events arrived too late"),
        (
            {"requests": 1_000, "late": 0, "refused": 500, "clamped": 250, "completeness": 0.5},
            "50% complete: 500 of 1,500 events were refused for lack of room, 250 had times too far ahead",
        ),
        (
            {"requests": 10, "eaten\x07": 10, "completeness": 0.5},
            "50% complete: 10 of 20 events eaten\ufffd",
        ),
        ({"requests": 0, "late": 0, "completeness": 1.0}, "100% complete, 0 events"),
    ],
)
def test_what_is_missing(counts: dict[str, float], text: str) -> None:
    """By cause, whatever causes there are; events with a wrong time were counted, and are no further events."""
    assert telemetry_text(counts) == text


def test_a_status_of_an_earlier_version_names_no_cohort() -> None:
    """Neither the counts nor the policy's minimum are in it."""
    status = {"stages": [{"weight": 0.1}], "stage_index": 0, "cohorts": {"candidate": "canary", "baseline": "stable"}}
    assert list(incomplete_cohorts(status)) == []


def test_the_last_minute_is_named_where_the_stage_is_complete() -> None:
    """A candidate that has begun to lose its failures; a cohort that lacks events of the stage is named once."""
    counts = {"requests": 50, "late": 50, "completeness": 0.5}
    status = {
        "stages": [{"weight": 0.1}],
        "stage_index": 0,
        "stage": "tenth",
        "cohorts": {"candidate": "canary", "baseline": "stable"},
        "min_completeness": 0.99,
        "telemetry": {"canary": {"requests": 10_000, "late": 50, "completeness": 0.995}},
        "lately": {"cohort": "canary", **counts},
    }
    text = "canary: 50% (50 of 100 events of {} arrived too late), needs 99% (min_completeness)"
    assert list(incomplete_cohorts(status)) == [("canary", text.format("the last minute"))]
    status["telemetry"] = {"canary": counts}
    assert list(incomplete_cohorts(status)) == [("canary", text.format("stage tenth"))]
