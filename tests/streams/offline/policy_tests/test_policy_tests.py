"""Policy tests: what a test.yaml may hold, when decisions are those expected, and where tests are found."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from gates.decisions import Action, Decision
from gates.policy import PolicyError
from gates.verdicts import Measurement, Verdict, VerdictKind
from streams.offline.policy_tests.comparison import compare
from streams.offline.policy_tests.document import PolicyTest
from streams.offline.policy_tests.folders import UnreadableError, find, load_test
from streams.offline.policy_tests.judging import judge_events, judge_traffic
from streams.offline.policy_tests.junit import junit
from streams.offline.policy_tests.running import run_test
from streams.offline.simulation.run import simulate_run
from streams.offline.simulation.scenario import Scenario
from tests.pipeline.harness import POLICY, traffic
from tools import topics_examples

BEGIN = 1_767_225_600_000
EXAMPLES = Path(__file__).parents[4] / "examples" / "policy-tests"


def parsed(**keys: Any) -> PolicyTest:
    """Return the test of this content."""
    return PolicyTest.parse(keys)


def faults(**keys: Any) -> list[str]:
    """Return what is wrong with this content."""
    with pytest.raises(PolicyError) as error:
        parsed(**keys)
    return [str(fault) for fault in error.value.faults]


def decided(*told: str) -> list[Decision]:
    """Return decisions as `10 hold` has them: seconds since the start, and the action."""
    model = next(each for each in topics_examples.outcomes() if isinstance(each, Decision))
    none = Measurement(0, None)
    fail = Verdict("errors", VerdictKind.FAIL, "errors: over the limit", (0, 1), none, none)
    model = replace(model, stage="half", reason="over the limit", checks=(fail,))
    words = [each.split() for each in told]
    return [replace(model, event_time=BEGIN + int(at) * 1_000, action=Action(action)) for at, action in words]


def why(expect: Sequence[Any], *told: str, **keys: Any) -> tuple[str, ...]:
    """Return why these decisions are not those; nothing where they are."""
    return compare(parsed(expect=list(expect), **keys), decided(*told), BEGIN).faults


def test_every_fault_is_told_at_once() -> None:
    """Unknown keys, wrong values and what cannot be together, each with its place and what would be right."""
    found = faults(
        expects=["start"],
        expect=["rolback", {"action": "hold", "within": 5, "check": "errors"}, {"action": "...", "stage": "x"}],
        never=["hold"],
        scenario="nope",
        traffic={"rps": "many"},
        controls=[{"at": "5s", "control": "stop"}],
    )
    assert {fault.split(": ")[0] for fault in found} == {
        "expects",
        "expect[0].action",
        "expect[1].within",
        "expect[1].check",
        "expect[2]",
        "never[0]",
        "scenario",
        "traffic",
        "controls[0].control",
    }
    assert "expects: is not a known key: did you mean `expect`?" in found
    assert "traffic: cannot stand beside `scenario`: a test has one traffic, so remove one" in found
    assert faults() == [
        "policy: expects nothing, so it could never fail: write for example `expect: [start, advance, ..., rollback]`"
    ]
    assert faults(expect=["..."]) == faults()
    assert faults(expect=["start"], seed=5) == ["seed: changes nothing in recorded events: remove it"]


@pytest.mark.parametrize(
    "wrong", [[], "text", None, {"expect": 5}, {"expect": [[]]}, {"never": [{}]}, {"never": ["hold"], "scenario": []}]
)
def test_what_is_no_test_is_a_fault(wrong: Any) -> None:
    """Whatever stands in the file, it is told and not raised."""
    with pytest.raises(PolicyError):
        PolicyTest.parse(wrong)


def test_decisions_are_compared_in_order_and_to_the_last() -> None:
    """The list is all there is, but for what a gap stands for."""
    told = ("0 start", "5 hold", "8 resume", "20 advance", "30 rollback")
    assert not why(["start", "hold", "resume", "advance", "rollback"], *told)
    assert not why(["start", "...", "rollback"], *told)
    assert not why(["...", "hold", "...", "advance", "..."], *told)
    assert not why(["..."], *told, never=["promote"])
    assert not why(["start", "...", "start"], "0 start", "1 start", "2 start")
    assert why(["start", "hold"], *told) == (
        "nothing more was expected, but found +8s resume at half (over the limit)",
    )
    assert why(["start", "advance"], *told) == ("expected advance, but found +5s hold at half (over the limit)",)
    assert why(["start", "...", "promote"], *told) == (
        "expected promote, but none came after +0s start at half (over the limit)",
    )
    assert why(["start"]) == ("expected start, but none came",)


def test_only_what_is_given_is_compared() -> None:
    """Stage, reason and checks, each in its own words."""
    full = {"action": "hold", "stage": "half", "reason": "the limit", "check": "errors fails"}
    assert not why([full], "5 hold")
    assert not why([{"action": "hold", "reason": "/^over .* limit$/"}], "5 hold")
    for key, value, words in (
        ("stage", "full", "it stands at stage half, not full"),
        ("reason", "under", "its reason does not hold under"),
        ("check", "errors passes", "check errors says FAIL, not PASS"),
        ("check", "p95 fails", "check p95 says nothing, not FAIL"),
    ):
        (fault,) = why([full | {key: value}], "5 hold")
        assert fault.endswith(words)


def test_within_counts_from_the_expected_decision_before_or_from_a_moment() -> None:
    """Of several ways to read the decisions one that fits is found."""
    assert not why(["...", {"action": "rollback", "within": "10s"}], "10 rollback")
    assert why(["start", "...", {"action": "rollback", "within": "10s"}], "0 start", "1 hold", "11 rollback")
    assert not why(["...", "hold", "...", {"action": "rollback", "within": "9s"}], "1 hold", "5 hold", "9 rollback")
    late = {"action": "rollback", "within": "5s", "since": "1m"}
    assert not why([late], "65 rollback")
    assert why([late], "66 rollback")[0].endswith("it took 6s, more than 5s")
    assert why([late], "59 rollback")[0].endswith("it came 1s too early")


def test_what_must_never_be() -> None:
    """It is told with its moment and reason, with or without expectations."""
    words = ("promote must never be, and came +9s: over the limit",)
    assert compare(parsed(never=["promote"]), decided("0 start", "9 promote"), BEGIN).faults == words
    assert why(["start", "..."], "0 start", "9 promote", never=["promote"]) == words


def test_rows_stand_side_by_side() -> None:
    """What fits, what a gap stands for, and from the first misfit on what is left of both."""
    test = parsed(expect=["start", "...", "advance", "promote"])
    rows = compare(test, decided("0 start", "5 hold", "9 advance", "12 rollback"), BEGIN).rows
    assert [(row.expected, row.found.split(" at ")[0], row.fits) for row in rows] == [
        ("start", "+0s start", True),
        ("...", "+5s hold", True),
        ("advance", "+9s advance", True),
        ("promote", "+12s rollback", False),
    ]


def test_simulated_traffic_is_that_of_simulate() -> None:
    """The decisions of a seed and a run are those that `sluicegate simulate` counts."""
    scenario = Scenario.parse(
        {"rps": 200, "duration": "5m", "changes": [{"at": "1m", "candidate": {"error_rate": 0.4}}]}
    )
    run = simulate_run(POLICY, scenario, seed=7, number=3)
    judged = judge_traffic(parsed(never=["pause"], scenario="healthy", seed=7, run=3), POLICY, scenario)
    assert [(d.event_time - judged.start_ms, d.action, d.reason) for d in judged.decisions[1:]] == [
        (taken.at_ms, taken.action, taken.reason) for taken in run.actions[1:]
    ]
    assert judged.decisions[-1].action == "rollback"


@pytest.mark.parametrize("recorded", [True, False])
def test_operators_are_heard(recorded: bool) -> None:
    """Their words come at their time, whichever way the traffic came; without acks nothing advances."""
    controls = [
        {"at": "2s", "control": "pause"},
        {"at": "4s", "control": "resume"},
        {"at": "6s", "control": "rollback"},
    ]
    keys: dict[str, Any] = {
        "never": ["advance"],
        "controls": [*controls, {"at": "8s", "control": "start"}],
        "acks": "none",
    }
    if recorded:
        lines = [json.dumps(event).encode() for event in traffic(BEGIN, 20)]
        judged = judge_events(parsed(**keys), POLICY, lines)
    else:
        judged = judge_traffic(parsed(**keys), POLICY, Scenario.parse({"rps": 100, "duration": "20s"}))
    assert judged is not None
    told = [(d.action, d.epoch) for d in judged.decisions]
    assert told[:5] == [("start", 1), ("pause", 1), ("resume", 1), ("rollback", 1), ("start", 2)]
    assert not {"advance", "promote"} & {action for action, _ in told}


def test_no_events_are_no_test() -> None:
    """Lines that hold no event judge nothing."""
    assert judge_events(parsed(expect=["start"]), POLICY, [b"nonsense\n", b"\n"]) is None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write a test that passes."""
    (tmp_path / "policy.yaml").write_text(json.dumps(topics_examples.policy().document()))
    (tmp_path / "events.ndjson").write_text("".join(json.dumps(event) + "\n" for event in traffic(BEGIN, 5)))
    (tmp_path / "test.yaml").write_text("expect: [start]")
    return tmp_path


def test_a_folder_is_a_test(folder: Path) -> None:
    """It is found once, however often it is named; a policy with events but without expectations is found too."""
    forgotten = folder / "forgotten"
    forgotten.mkdir()
    for name in ("policy.yaml", "events.ndjson"):
        (forgotten / name).write_bytes((folder / name).read_bytes())
    assert find([folder, folder / "forgotten" / ".."]) == [folder, forgotten]
    assert run_test(folder).status == "ok"
    missing = run_test(forgotten)
    assert (missing.status, missing.faults[0].split(": ")[1]) == ("unreadable", "is missing beside events.ndjson")


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("test.yaml", "", "test.yaml:1: test: is empty"),
        ("test.yaml", "expect: [start\n", "test.yaml:2: test: is not valid YAML"),
        ("test.yaml", "policy: none.yaml\nexpect: [start]", "none.yaml: cannot be read: No such file"),
        ("test.yaml", "events: none.ndjson\nexpect: [start]", "none.ndjson: cannot be read: No such file"),
        ("test.yaml", "expect: [{action: start, stage: tenth}]", "expect[0].stage: 'tenth' is no stage of the policy"),
        (
            "test.yaml",
            "expect: [{action: start, check: p95 fails}]",
            "expect[0].check: 'p95' is no check of the policy",
        ),
        ("policy.yaml", "rollout: x", "policy.yaml:1: checks: is missing"),
        ("events.ndjson", "nonsense", "events.ndjson: holds no events"),
    ],
)
def test_what_cannot_be_read_is_told(folder: Path, file: str, content: str, words: str) -> None:
    """A test that cannot be run neither passes nor fails."""
    (folder / file).write_text(content)
    result = run_test(folder)
    assert result.status == "unreadable"
    assert words in "\n".join(result.faults)


def test_a_name_that_is_no_path_is_told(folder: Path) -> None:
    """Whatever is written for a file, it is no traceback."""
    (folder / "test.yaml").write_text(f"policy: {'x' * 400}\nexpect: [start]")
    with pytest.raises(UnreadableError, match="cannot be read"):
        load_test(folder)


def test_junit_tells_failures_from_errors(folder: Path) -> None:
    """One case per test, with what is wrong in words."""
    good = run_test(folder)
    (folder / "test.yaml").write_text("expect: [promote]")
    bad = run_test(folder)
    (folder / "test.yaml").unlink()
    suite = ElementTree.fromstring(junit([good, bad, run_test(folder)]))  # noqa: S314 - our own
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "1")
    assert [[each.tag for each in case] for case in suite] == [[], ["failure"], ["error"]]
    assert suite[1][0].get("message", "").startswith("expected promote, but found +0s start at canary")


def test_the_examples_pass() -> None:
    """The examples of the documentation are tests that hold."""
    results = [run_test(folder) for folder in find([EXAMPLES])]
    assert len(results) == 3
    assert {each.folder.name: each.faults for each in results if each.status != "ok"} == {}
