"""`sluicegate replay`: a timeline from a file of events, and the same bytes each time."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from streams.cli.replay import replay

BEGIN = 1767225600000
POLICY = """
schema: sluicegate.policy/v1
rollout: checkout-v2
cohorts: {baseline: stable, candidate: canary}
stages: [{name: canary, weight: 20%, bake: 10s}, {name: half, weight: 50%, bake: 10s}]
checks: {errors: {sli: error_rate, limit: 10%, window: 10s}}
min_requests: 50
"""


def events(seconds: int, *, bad_from: int) -> str:
    """A hundred requests a second, one in five of the canary's, all of those failing from a second on."""
    lines = []
    for number in range(seconds * 100):
        canary = number % 5 == 0
        event = {
            "ts": BEGIN + number * 10,
            "rollout": "checkout-v2",
            "cohort": "canary" if canary else "stable",
            "status": 500 if canary and number >= bad_from * 100 else 200,
            "latency_ms": 10,
        }
        lines.append(json.dumps(event))
    return "\n".join(lines) + "\n"


@pytest.fixture
def policy(tmp_path: Path) -> str:
    """Write the policy."""
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    return str(path)


@pytest.fixture
def bad_canary(tmp_path: Path) -> str:
    """Write the events of a canary that fails from the 15th second on, and a line that is none."""
    path = tmp_path / "events.ndjson"
    path.write_text(events(30, bad_from=15) + "nonsense\n")
    return str(path)


def test_the_timeline_in_words(policy: str, bad_canary: str) -> None:
    """One line a decision on stdout; what was read, and what not, on stderr."""
    result = CliRunner().invoke(replay, ["--policy", policy, "--events", bad_canary])
    assert result.exit_code == 0
    assert [line.split()[:3] for line in result.stdout.splitlines()] == [
        ["00:00:00Z", "start", "canary"],
        ["00:00:10Z", "advance", "half"],
        ["00:00:17Z", "rollback", "half"],
    ]
    assert "  stable 100%, canary 0%  errors: canary 20% (40 of 200" in result.stdout
    assert result.stderr == "3,000 events for checkout-v2; 1 fault (bad_json 1)\n"


def test_json_is_pure_and_repeatable(policy: str, bad_canary: str) -> None:
    """`--json` prints decisions and nothing else, the same bytes from the same input, be it a file or stdin."""
    words = ["--policy", policy, "--json", "--events"]
    first = CliRunner().invoke(replay, [*words, bad_canary])
    second = CliRunner().invoke(replay, [*words, bad_canary])
    piped = CliRunner().invoke(replay, [*words, "-"], input=Path(bad_canary).read_bytes())
    assert first.stdout_bytes == second.stdout_bytes == piped.stdout_bytes
    decisions = [json.loads(line) for line in first.stdout.splitlines()]
    assert [decision["action"] for decision in decisions] == ["start", "advance", "rollback"]
    assert {decision["schema"] for decision in decisions} == {"sluicegate.decision/v1"}


def test_without_acks_nothing_advances(policy: str, tmp_path: Path) -> None:
    """With `--acks none` no weights are in force, so a good canary stays where it is."""
    good = tmp_path / "good.ndjson"
    good.write_text(events(30, bad_from=99))
    result = CliRunner().invoke(replay, ["--policy", policy, "--events", str(good), "--acks", "none", "--json"])
    actions = {json.loads(line)["action"] for line in result.stdout.splitlines()}
    assert "start" in actions
    assert not actions & {"advance", "promote"}


def test_a_policy_with_faults(bad_canary: str, tmp_path: Path) -> None:
    """Every fault of the policy is on stderr, and the exit code is 1."""
    broken = tmp_path / "broken.yaml"
    broken.write_text("schema: sluicegate.policy/v1\nrollout: a/b\n")
    result = CliRunner().invoke(replay, ["--policy", str(broken), "--events", bad_canary])
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"{broken}:2: rollout: 'a/b' is not a usable name" in result.stderr
    assert f"{broken}:1: checks:" in result.stderr


def test_missing_files(policy: str, bad_canary: str) -> None:
    """A file that cannot be read is one line, and exit code 2."""
    for words in (["--policy", policy, "--events", "none"], ["--policy", "none", "--events", bad_canary]):
        result = CliRunner().invoke(replay, words)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == "sluicegate: none: cannot be read: No such file or directory\n"


@pytest.mark.parametrize(
    "words",
    [[], ["--policy", "x"], ["--events", "x"], ["--journal", "--events", "x"], ["--policy", "-", "--events", "-"]],
)
def test_unclear_words_are_wrong_use(words: list[str]) -> None:
    """Exactly one kind of input must be given."""
    assert CliRunner().invoke(replay, words).exit_code == 2


def test_a_duration_needs_its_unit() -> None:
    """`--out-of-orderness` is a duration as in policies."""
    result = CliRunner().invoke(replay, ["--policy", "x", "--events", "y", "--out-of-orderness", "2"])
    assert result.exit_code == 2
    assert "'2' is not a duration" in result.stderr


def test_events_of_other_rollouts_are_counted_apart(policy: str, tmp_path: Path) -> None:
    """A file of another rollout judges nothing, and the numbers show why."""
    path = tmp_path / "other.ndjson"
    path.write_text(events(30, bad_from=99).replace("checkout-v2", "checkout-v1"))
    result = CliRunner().invoke(replay, ["--policy", policy, "--events", str(path)])
    assert result.stderr == "0 events for checkout-v2, 3,000 of other rollouts (checkout-v1); 0 faults\n"


@pytest.mark.parametrize(
    ("words", "flag"),
    [
        (["--journal", "--acks", "none"], "--acks: has an effect with --events only; omit it with --journal"),
        (["--journal", "--out-of-orderness", "2s"], "--out-of-orderness: has an effect with --events only"),
        (["--policy", "p", "--events", "e", "--rollout", "r"], "--rollout: has an effect with --journal only"),
        (["--policy", "p", "--events", "e", "--bootstrap", "b:9092"], "--bootstrap: has an effect with --journal only"),
    ],
)
def test_flags_of_the_other_mode_are_refused(words: list[str], flag: str) -> None:
    """They would be ignored, and the result taken for what it is not."""
    result = CliRunner().invoke(replay, words)
    assert result.exit_code == 2
    assert flag in result.stderr
