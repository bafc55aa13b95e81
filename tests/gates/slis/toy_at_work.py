"""Run with the toy SLI in the registry: prints, as JSON, what becomes of a policy that uses it."""

from __future__ import annotations

import json
from typing import Any

from gates.advice.lint import lint
from gates.evidence.evaluation import RolloutEvidence
from gates.policy import Policy, PolicyError
from tests.gates.pane_builders import T0, cell, pane, policy


def toy_policy(**fields: Any) -> Policy:
    """A policy whose only check is the toy."""
    return policy({"t": {"sli": "toy", "least": 7, "window": "5s"} | fields})


def faults(**fields: Any) -> list[str]:
    """The faults of the toy with these fields."""
    try:
        toy_policy(**fields)
    except PolicyError as error:
        return [str(fault) for fault in error.faults]
    return []


def main() -> None:
    """Print it all."""
    known = toy_policy()
    evidence = RolloutEvidence(known, T0)
    verdicts = [evidence.observe(pane(second, cell(5), cell(5))).verdicts[0] for second in range(2)]
    schema: dict[str, Any] = Policy.json_schema()
    found = {
        "again": Policy.parse(known.document()) == known,
        "verdicts": [verdict.document()["verdict"] for verdict in verdicts],
        "rules": [faults(least=13), faults(window="1500ms"), faults(lest=7), faults(least=0)],
        "lints": [str(each) for each in lint(toy_policy(least=1), 0.1) if each.path == "checks.t.least"],
        "schema": schema["$defs"]["ToyCheck"]["properties"]["least"]["description"],
    }
    print(json.dumps(found))  # noqa: T201 - the test reads it


if __name__ == "__main__":
    main()
