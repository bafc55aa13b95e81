"""A plan as text and as JSON values."""

from math import inf

from gates.advice.plan import CheckPlan, StagePlan
from streams.views.plan import blindness, plan_document, plan_lines

CHECK = CheckPlan("errors", {1.5: 457_380.0, 2.0: 57_120.0, 5.0: inf}, None, 2_458.0)
STAGE = StagePlan("canary", 0.1, 30.0, 400.0, (CHECK,))


def test_a_stage_is_a_paragraph() -> None:
    """Estimates have one unit, because they are rough."""
    assert list(plan_lines([STAGE])) == [
        "stage canary: weight 10%, bake 30s",
        "  7m until there are enough requests to pass",
        "  errors: detects 1.5x in 5d, 2x in 16h, 5x never (median; 95% of cases: 12d, 36h, never); "
        "within the bake: nothing; a healthy candidate passes in about 41m",
        "  a healthy candidate passes the stage in about 41m",
    ]


def test_a_blind_stage() -> None:
    """The message states what to change."""
    assert blindness(STAGE) == (
        "stage canary is blind: within 30s, errors would miss even 10 times the baseline's figure; "
        "raise weight or lengthen bake"
    )


def test_never_is_null() -> None:
    """JSON has no infinity."""
    (check,) = plan_document(STAGE)["checks"]
    assert check["detect"][2] == {"times": 5.0, "median_s": None, "p95_s": None}
