"""`sluicegate policy schema`: what editors check policies by."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from streams.cli.policy import policy
from tests.paths import ROOT

POLICIES = [*ROOT.glob("examples/policies/*.yaml"), *ROOT.glob("tests/golden/*/policy.yaml")]
EXAMPLE = yaml.safe_load((ROOT / "examples/policies/payments-v7.yaml").read_text())


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """What the command prints."""
    result = CliRunner().invoke(policy, ["schema"])
    assert result.exit_code == 0
    printed: dict[str, Any] = json.loads(result.stdout)
    return printed


def test_it_is_a_schema_of_the_draft_it_names(schema: dict[str, Any]) -> None:
    """Draft 2020-12, which is what editors read."""
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("file", POLICIES, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_policy_is_valid(schema: dict[str, Any], file: Path) -> None:
    """What `validate` takes, the schema takes."""
    Draft202012Validator(schema).validate(yaml.safe_load(file.read_text()))


@pytest.mark.parametrize(
    "broken",
    [
        {"schema": "sluicegate.policy/v9"},
        {"rollout": "a/b"},
        {"bakee": "5m"},
        {"stages": []},
        {"stages": [{"name": "a", "weight": "1%", "bake": 300}]},
        {"stages": [{"name": "a", "weight": "1%", "bake_ms": 300}]},
        {"stages": [{"name": "a", "weight": 5, "bake": "5m"}]},
        {"stages": [{"name": "a", "weight": "1%", "bake": ""}]},
        {"checks": {}},
        {"checks": {"a b": {"sli": "error_rate", "limit": "5%"}}},
        {"checks": {"e": {"sli": "cpu", "limit": "5%"}}},
        {"checks": {"e": {"sli": "error_rate"}}},
        {"checks": {"e": {"sli": "error_rate", "limit": "5%", "severity": "high"}}},
        {"checks": {"e": {"sli": "latency", "limit": "5s"}}},
        {"budget": None},
        {"owner": None},
        {"data_quality": {"sample_ratio": "yes"}},
        {"labels": {str(number): "x" for number in range(33)}},
    ],
    ids=str,
)
def test_what_is_broken_is_not_valid(schema: dict[str, Any], broken: dict[str, Any]) -> None:
    """Misspelt keys, unknown words and values of the wrong kind are marked in the editor."""
    assert Draft202012Validator(schema).is_valid(EXAMPLE)
    assert not Draft202012Validator(schema).is_valid({**EXAMPLE, **broken})


def _keys(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, model in {"": schema, **schema["$defs"]}.items():
        yield from ((f"{name}.{key}", described) for key, described in model["properties"].items())


def test_each_key_is_described_with_examples_and_defaults_as_written(schema: dict[str, Any]) -> None:
    """An editor shows what a key means, and offers what may stand there; nothing is ever null."""
    for name, described in _keys(schema):
        assert described["description"], name
        resolved = {**schema, **described} if "$ref" in described else described
        known = Draft202012Validator(
            {key: value for key, value in resolved.items() if key != "$schema"} | _defs(schema)
        )
        for example in [*described.get("examples", []), *([described["default"]] if "default" in described else [])]:
            if "$ref" not in described:
                known.validate(example)
    text = json.dumps(schema)
    assert "null" not in text
    assert "_ms`" not in text


def _defs(schema: dict[str, Any]) -> dict[str, Any]:
    return {"$defs": schema["$defs"]}
