"""A plan as text and as JSON values."""

import re
from dataclasses import replace
from math import inf

from gates.advice.catching import ALL_BAD, Catch, Smallest
from gates.advice.passing import StageWait
from gates.advice.plan import CheckPlan, HealthyBreach, Proof, StagePlan, plan
from gates.slis.bounds import WindowBound
from streams.views.plan import blindness, plan_document, plan_faults, plan_lines
from tests.gates.good_policy import Document, changed

CATCHES = (
    Catch(1.5, 457_380.0, 1_051_974.0, "comparison"),
    Catch(2.0, 57_120.0, 131_376.0, "comparison"),
    Catch(5.0, inf, inf, None),
    Catch(ALL_BAD, 2.0, 3.0, "limit"),
)
CHECK = CheckPlan("errors", CATCHES, None, 2_458.0)
WAIT = StageWait(0.0, 30.0, 0.0, 400.0, 2_458.0, 0.0, 0.0, 0.0, 1.0, 50.0)
STAGE = StagePlan("canary", 0.1, 30.0, 0.02, WAIT, (CHECK,))
LIMIT = WindowBound("limit", 0.001, 30_000, 20, of_errors=True)
BROKEN = replace(CHECK, bound=LIMIT, health=HealthyBreach(1.0, 10.0, below_base=True))
POLICY = changed({"stages": [{"name": "canary", "weight": "10%", "bake": "30s"}]})


def lines(changes: Document, rps: float, base: float = 0.01) -> str:
    """The plan of the good policy with these changes."""
    policy = changed(changes)
    return "\n".join(plan_lines(policy, plan(policy, rps, base)))


def test_a_stage_is_a_paragraph() -> None:
    """Estimates have one unit, because they are rough."""
    assert list(plan_lines(POLICY, [STAGE])) == [
        "stage canary: weight 10%, bake 30s",
        "  7m until there are enough requests to pass",
        "  errors: detects 1.5x in 5d, 2x in 16h, 5x never, a total failure in 2s by its limit "
        "(median; 95% of cases: 12d, 36h, never, 3s); within the bake: nothing; a healthy candidate passes in about "
        "41m",
        "  a healthy candidate passes the stage in about 41m",
        "a healthy candidate is promoted in about 41m, and the time that 2 orders take: a person is paged where one is "
        "not confirmed within 50s",
    ]


def test_a_stage_without_proof_shows_what_a_proof_would_take() -> None:
    """Its comparisons pass at once, and show little."""
    for proof, takes in ((2_458.0, "a proof takes about 41m"), (inf, "a proof is never given")):
        check = replace(CHECK, advance=0.0, proof=Proof(proof))
        text = "\n".join(plan_lines(POLICY, [replace(STAGE, checks=(check,), proves=False)]))
        assert f"a healthy candidate passes at once, not shown to be good (proof: false); {takes}\n" in text
        known = plan_document(replace(STAGE, checks=(check,)))["checks"][0]
        assert known["proof_s"] == (None if proof == inf else proof)


def test_a_limit_that_stops_the_healthy() -> None:
    """It is a fault of the plan, once for all stages, and the stage is never passed."""
    stage = replace(STAGE, checks=(BROKEN,))
    text = "\n".join(plan_lines(POLICY, [stage]))
    assert "a healthy candidate breaks its limit\n" in text
    assert text.endswith("a healthy candidate never passes the stage\na healthy candidate is never promoted")
    assert list(plan_faults([stage, stage])) == [
        "`limit` of errors accepts an error rate of 0.1%, less than the baseline's own 2%: every healthy candidate "
        "breaks it in stage canary, after about 10s; correct `limit`, or give the true error rate by --base-error"
    ]
    few = replace(STAGE, checks=(replace(BROKEN, health=HealthyBreach(below_base=True)),))
    assert "; a healthy candidate never passes\n" in "\n".join(plan_lines(POLICY, [few]))
    assert plan_document(stage)["broken"] == ["errors"]


def test_a_blind_stage() -> None:
    """The message states what to change, and what the check still detects."""
    blind = replace(STAGE, checks=(replace(CHECK, catches=CATCHES[:3]),))
    expected = (
        "stage canary is blind: within 30s, errors would miss even 10 times the baseline's figure; raise weight or "
        "lengthen bake"
    )
    assert blindness(blind) == expected
    assert list(plan_faults([blind])) == [expected]
    just = replace(blind.checks[0], smallest=Smallest(10.02, "comparison"))
    assert "figure (errors detects 11x or more); raise" in blindness(replace(blind, checks=(just,)))


def test_stages_that_are_never_passed_or_always_paused() -> None:
    """By a check, or by silence."""
    never = replace(STAGE, wait=replace(WAIT, checks=inf), checks=(replace(CHECK, advance=inf),))
    assert list(plan_faults([never])) == [
        "stage canary is never passed at this traffic: a healthy candidate does not pass errors; it needs more "
        "traffic: write `proof: false` in the stage, which then passes without the candidate shown to be good"
    ]
    idle = replace(STAGE, wait=replace(WAIT, bake=inf))
    assert list(plan_faults([idle])) == [
        "stage canary is never passed at this traffic: requests come too seldom; raise `weight`"
    ]
    held = replace(STAGE, weight=0.9, wait=replace(WAIT, held=inf))
    assert list(plan_faults([held])) == [
        "stage canary is never passed at this traffic: it is held for silence without end; it needs more traffic"
    ]
    paused = replace(STAGE, wait=replace(WAIT, pauses=0.9))
    assert list(plan_faults([paused])) == [
        "stage canary pauses for silence at this traffic; lengthen pause_after or raise weight"
    ]


def test_what_a_healthy_candidate_waits_for() -> None:
    """Each in a line, where there is something to wait for."""
    known: Document = {
        "commands": {"actuators": ["eu", "us"]},
        "stages.0.warmup": "30s",
        "stages.0.passes": 5,
        "stages.0.approval": True,
        "checks.pods": {"sli": "coverage", "expected": 3, "severity": "advisory"},
    }
    text = lines(known, 1.0)
    for words in (
        "  the bake begins when eu and us have confirmed the order\n",
        "  30s of warm-up, in which only limits apply\n",
        " for the bake, because time in long gaps between requests does not count\n",
        "  held for silence about 4 times, for about ",
        " more until 5 panes in a row have requests and pass\n",
        "  a person's approval\n",
        "  pods (advisory): a healthy candidate passes at once\n",
    ):
        assert words in text
    sparse = "\n".join(plan_lines(POLICY, [replace(STAGE, wait=replace(WAIT, pauses=0.9))]))
    assert "  paused for silence about 1 time, each time until a person resumes it\n" in sparse
    assert "  no late event: of so few requests, one is more than min_completeness (99%) allows\n" in lines({}, 0.5)
    assert "warm-up" not in lines({"stages.0.warmup": None}, 1_000.0)
    assert "late event" not in lines({}, 1_000.0)
    assert "only values beyond its limit in 1s by its limit" in lines({}, 1_000.0)


def test_waits_without_end_have_no_numbers() -> None:
    """Neither the times that it is held, nor the days that it takes."""
    for rps in (0.01, 0.1):
        text = lines({}, rps)
        assert "  held for silence without end\n" in text
        assert "  paused for silence without end, each time until a person resumes it\n" in text
        assert "  a healthy candidate never passes the stage at this traffic\n" in text
        assert text.endswith("a healthy candidate is never promoted")
        assert "about over" not in text
        assert max(map(len, re.findall(r"\d+", text))) < 4
    document = plan_document(plan(changed({}), 0.1, 0.01)[0])
    assert (document["holds"], document["held_s"], document["pauses"], document["advance_s"]) == (None,) * 4


def test_a_rough_estimate_is_not_called_rough_twice() -> None:
    """`over 100d` has no `about` before it."""
    slow = replace(STAGE, checks=(replace(CHECK, advance=1e9),))
    assert "a healthy candidate passes in over 100d\n" in "\n".join(plan_lines(POLICY, [slow]))


def test_families_that_must_agree_are_mentioned() -> None:
    """The time of one comparison is not that of the rollback then."""
    assert "only together with those of other families, 2 in all (rollback_on)" in lines(
        {"rollback_on": {"failing": 2}}, 1_000.0
    )
    assert "families" not in lines({}, 1_000.0)


def test_never_is_null() -> None:
    """JSON has no infinity."""
    document = plan_document(STAGE)
    (check,) = document["checks"]
    assert check["detect"][2] == {"times": 5.0, "median_s": None, "p95_s": None, "by": None}
    assert check["total_failure"] == {"median_s": 2.0, "p95_s": 3.0, "by": "limit"}
    assert (check["smallest_within_bake"], check["healthy_breaks"], check["breaks_after_s"]) == (None, None, None)
    known = replace(STAGE, checks=(replace(BROKEN, catches=CATCHES[:3], smallest=Smallest(2.0, "limit")),))
    (check,) = plan_document(known)["checks"]
    assert (check["total_failure"], check["smallest_within_bake"], check["smallest_by"]) == (None, 2.0, "limit")
    assert (check["healthy_breaks"], check["breaks_after_s"]) == (1.0, 10.0)
