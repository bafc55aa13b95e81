"""`sluicegate plan`."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from gates.advice.plan import plan as planned
from gates.policy import Policy
from streams.cli.plan import plan
from tests.paths import CHECKOUT_POLICY

EXAMPLE = str(CHECKOUT_POLICY)


def _policy(**checks: object) -> Policy:
    return Policy.parse(
        {
            "schema": "sluicegate.policy/v1",
            "rollout": "r",
            "cohorts": {"baseline": "stable", "candidate": "canary"},
            "stages": [
                {"name": "one", "weight": "10%", "bake": "10m"},
                {"name": "all", "weight": "100%", "bake": "1m"},
            ],
            "checks": checks,
        }
    )


def test_enough_traffic_sees_a_regression() -> None:
    """At 1,000 requests per second every stage can detect something: estimates in one unit, exit code 0."""
    result = CliRunner().invoke(plan, ["--policy", EXAMPLE, "--rps", "1000", "--base-error", "1%"])
    assert result.exit_code == 0, result.output
    assert "stage canary: weight 1%, bake 5m\n" in result.output
    assert "errors: detects 1.5x in " in result.output
    assert "the baseline has no traffic, so only limits apply" in result.output


def test_a_blind_stage_is_named() -> None:
    """At one request in two seconds, 1% is one in 200: the stage detects nothing, and the exit code is 1."""
    result = CliRunner().invoke(plan, ["--policy", EXAMPLE, "--rps", "0.5"], standalone_mode=False)
    assert "stage canary is blind" in str(result.exception)
    assert "would miss even 10 times the baseline's figure; raise weight or lengthen bake" in str(result.exception)


def test_a_comparison_may_be_the_faster_one_to_catch_a_total_failure() -> None:
    """The limit needs 20 events, which take longer; the stage is not blind, and the exit code is 0."""
    result = CliRunner().invoke(plan, ["--policy", EXAMPLE, "--rps", "300"])
    assert "a total failure in 5s (median" in result.output
    assert result.exit_code == 0, result.output


def test_json_has_the_same_figures() -> None:
    """Seconds as numbers, what never happens as null."""
    result = CliRunner().invoke(plan, ["--policy", EXAMPLE, "--rps", "1000", "--json"])
    document = json.loads(result.stdout)
    stages = planned(Policy.parse(_document()), 1000.0, 0.001)
    assert [stage["name"] for stage in document["stages"]] == [stage.name for stage in stages]
    first = document["stages"][0]["checks"][0]
    assert first["detect"][1]["median_s"] == round(stages[0].checks[0].detect[2.0], 1)
    assert document["stages"][-1]["checks"][0]["total_failure"]["by"] == "limit"


def _document() -> dict[str, object]:
    from connectors.policy_files import load

    return load(Path(EXAMPLE).read_bytes(), source=EXAMPLE).document()


def test_a_limit_below_the_baselines_rate_is_a_fault(tmp_path: Path) -> None:
    """Every healthy rollout breaks it: the message has the numbers, and the exit code is 1."""
    file = tmp_path / "p.yaml"
    file.write_text(CHECKOUT_POLICY.read_text().replace("limit: 5%", "limit: 0.1%"))
    result = CliRunner().invoke(plan, ["--policy", str(file), "--rps", "1000", "--base-error", "2%"])
    assert result.exit_code == 1
    assert "less than the baseline's own 2%: every healthy candidate" in result.output
    assert "a healthy candidate is never promoted" in result.output


@pytest.mark.parametrize("base", ["0%", "150%", "five"])
def test_a_share_that_cannot_be_is_refused(base: str) -> None:
    """Wrong use: exit code 2, with the reason."""
    result = CliRunner().invoke(plan, ["--policy", EXAMPLE, "--rps", "10", "--base-error", base])
    assert result.exit_code == 2


def test_comparisons_share_the_confidence() -> None:
    """A second comparison makes the first one slower, as both must keep the promise together."""
    errors = {"sli": "error_rate", "ratio": 1.25, "limit": "5%"}
    latency = {"sli": "latency", "quantile": 0.95, "ratio": 1.2, "limit": "1s"}
    alone = planned(_policy(errors=errors), 1000.0, 0.001)[0].checks[0]
    both = planned(_policy(errors=errors, p95=latency), 1000.0, 0.001)[0].checks
    assert [check.name for check in both] == ["errors", "p95"]
    assert both[0].detect[2.0] > alone.detect[2.0]
    assert both[0].advance == alone.advance
