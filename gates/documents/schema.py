"""The JSON Schema of a policy document, for editors: what pydantic makes of the models, in plain words."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

WORDS: Mapping[str, str] = {
    "schema": "The version of this format.",
    "rollout": "The id that request events carry.",
    "owner": "Whom to ask; travels with each decision.",
    "runbook": "The web address of what to do when it pages; travels with each decision.",
    "labels": "Words of yours, up to 32; they travel with each decision.",
    "cohorts": "Who is compared with whom.",
    "baseline": "What runs already, by the name that events carry.",
    "candidate": "What is being rolled out, by the name that events carry.",
    "pane": "The step of measuring and judging: whole seconds, 1s to 1m.",
    "stages": "In order, each with a larger weight than the one before.",
    "Stage.name": "What the stage is called in decisions.",
    "Stage.weight": "The candidate's share of the traffic.",
    "bake": "How long the stage is watched at least: event time; holds, pauses and the warm-up are not counted.",
    "timeout": "A stage that has not passed so long after its order is paused, and a person paged.",
    "warmup": "So long after the weights are in force nothing is compared or counted as baked; limits hold.",
    "passes": "On so many panes in a row every check must PASS.",
    "approval": "Whether a person must approve before the stage is left.",
    "checks": "By name; all that are critical or standard must PASS before a stage is left.",
    "severity": "critical: rolls back by itself; standard: counts towards `rollback_on`; "
    "advisory: only notifies; dry_run: is shown only.",
    "on_fail": "What a FAIL of a critical or standard check does.",
    "family": "Checks of one family count once towards `rollback_on`.",
    "weight": "How much this comparison counts among those that roll back.",
    "traffic": "Which requests are looked at: users', synthetic ones, or both.",
    "window": "What the limit looks at: a whole number of panes, at most 1h.",
    "BurnRateCheck.window": "The longer of two windows, 12 times a whole number of panes; the other is a twelfth.",
    "ratio": "How many times the baseline's figure is still acceptable; needs a stage below 100 %.",
    "sli": "What the check looks at.",
    "ErrorRateCheck.limit": "The highest acceptable error rate of the candidate.",
    "SuccessRateCheck.limit": "The lowest acceptable success rate of the candidate.",
    "LatencyCheck.limit": "The slowest acceptable quantile of the candidate.",
    "MetricCheck.limit": "The worst acceptable mean or quantile of the candidate, in the metric's unit.",
    "CoverageCheck.limit": "The lowest acceptable share of the emitters.",
    "errors": "Which outcomes are errors.",
    "min_events": "With fewer bad events in the window nothing is beyond the limit.",
    "Budget.min_events": "With fewer errors in the rollout the budget is not used up.",
    "quantile": "Such as 0.95 for p95.",
    "MetricCheck.quantile": "Such as 0.95 for p95; without it, the mean is looked at.",
    "metric": "Its name in the events' `metrics`.",
    "better": "Which way is good.",
    "ceiling": "A mean is compared on values cut off here.",
    "slo": "The share of requests that must be good, over 30 days.",
    "spend": "The share of 30 days' error budget that may be spent in one window.",
    "Budget.spend": "The share of 30 days' error budget that this rollout may spend.",
    "expected": "How many emitters there are.",
    "tolerance": "By so much of the ordered share the real one may be off.",
    "min_requests": "Per cohort and stage, on complete data since the weights were in force, before any PASS.",
    "min_completeness": "The share of a stage's events that must come in time; below it, no bake and no advance.",
    "confidence": "How often the comparisons may be wrong.",
    "rollback": "How often all comparisons together may roll back a healthy candidate, over a whole rollout.",
    "advance": "How often a comparison may pass, in a stage, a candidate that is not good enough.",
    "dispersion": "How many times more than independent errors they vary.",
    "rollback_on": "When comparisons of standard checks roll back.",
    "failing": "In so many families of checks the candidate must be worse.",
    "budget": "How much of the error budget this rollout may use up.",
    "data_quality": "What makes data untrustworthy: it holds the rollout.",
    "sample_ratio": "Whether users must fall to the cohorts as the weights say.",
    "contamination": "The share of users that may be seen in both cohorts within a stage.",
    "unknown_cohorts": "The share of requests that may carry another cohort, or none.",
    "no_data": "When silence holds and pauses a rollout.",
    "hold_after": "A cohort silent, or telemetry incomplete, for so long: hold.",
    "pause_after": "A cohort silent for so long: pause, and page.",
    "commands": "How orders are repeated until they are acknowledged.",
    "ack_within": "How long to wait for an ack before sending again.",
    "tries": "How often to send before a person is paged.",
}
"""What each key means; `Model.key` where it means something of its own there."""

_OURS = ("title", "discriminator")
"""What pydantic adds and an editor has no use for."""


def schema_of(model: type[BaseModel]) -> dict[str, object]:
    """The schema of what `model` reads, with defaults as they are written."""
    made = model.model_json_schema(by_alias=True, mode="serialization")
    definitions = {name: _schema(each, name) for name, each in made.pop("$defs").items()}
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Sluicegate policy",
        "description": "All that the gate needs to know about one rollout.",
    }
    return {**_schema(made, model.__name__), **head, "$defs": definitions}


def _schema(made: Mapping[str, Any], model: str = "") -> dict[str, Any]:
    """A schema as it should be; `model` is what it describes, if it is one."""
    kept = {key: value for key, value in made.items() if key not in _OURS and (key, value) != ("default", None)}
    if "properties" in kept:
        kept["properties"] = {key: _property(each, key, model) for key, each in kept["properties"].items()}
    if "description" in kept:
        kept["description"] = _plain(kept["description"])
    return kept


def _property(made: Mapping[str, Any], key: str, model: str) -> dict[str, Any]:
    kept = _schema(made)
    kinds = [kind for kind in kept.get("anyOf", ()) if kind != {"type": "null"}]  # a key with nothing behind is a fault
    if len(kinds) == 1:
        del kept["anyOf"]
        kept |= kinds[0]
    for pattern, inner in kept.get("patternProperties", {}).items():
        kept["patternProperties"] = {pattern: _schema(inner)}
    words = WORDS.get(f"{model}.{key}") or WORDS.get(key)
    return kept if words is None else kept | {"description": words}


def _plain(text: str) -> str:
    """A docstring with the keys as they are written, one line a paragraph."""
    written = re.sub(r"`(\w+)_ms`", r"`\1`", text)
    return re.sub(r"(?<!\n)\n(?!\n)", " ", written)
