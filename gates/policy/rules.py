"""The rules between the fields of a policy; those of one check are with its SLI.

They read the document as written and skip what cannot be read (a fault of its own), so that one mistyped field never
hides the faults of the others.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice

from pydantic import ValidationError

from gates.documents.faults import PolicyFault
from gates.documents.fields import MOST_CHECKS, MOST_FREEZE_WINDOWS, MOST_STAGES
from gates.documents.outcomes import read_outcomes
from gates.documents.quantities import format_duration, format_share, shown
from gates.documents.readers import read_pane, read_positive_duration, read_positive_share, readable, whole_number
from gates.policy.freeze import FreezeWindow, cover_the_week
from gates.slis.definition import CheckDefinition, default_of
from gates.slis.error_classes import DEFAULT_ERRORS, contradiction
from gates.slis.findings import Fields, RuleContext
from gates.slis.registry import CHECK_MODELS

DEFAULT_PANE = "1s"
DEFAULT_HOLD_AFTER = "30s"
DEFAULT_PAUSE_AFTER = "5m"
BUDGET = "budget"
"""The key of the budget, and the name of the check that it makes."""


def rule_faults(document: Fields) -> Iterator[PolicyFault]:
    """Yield what is wrong between the fields of a policy document; never raises.

    Of more stages or checks than a policy may have, which is a fault already, the first are looked at.
    """
    yield from _cohorts(_mapping(document.get("cohorts")))
    stages = document.get("stages")
    stages = [_mapping(one) for one in stages[:MOST_STAGES]] if isinstance(stages, list | tuple) else []
    yield from _stages(stages)
    yield from _no_data(_mapping(document.get("no_data")))
    if isinstance(document.get("pause"), Mapping):
        yield from _pause(_mapping(document["pause"]))
    yield from _freeze(document.get("freeze"))
    pane_ms = readable(read_pane, document.get("pane", DEFAULT_PANE))
    reaches_all = any(readable(read_positive_share, stage.get("weight")) == 1.0 for stage in stages)
    named = islice(_mapping(document.get("checks")).items(), MOST_CHECKS)
    checks = {name: _mapping(check) for name, check in named}
    context = RuleContext(pane_ms, reaches_all, _names(_mapping(document.get("cohorts"))))
    for name, fields in checks.items():
        model = _model(fields)
        if model is not None:
            for key, message in model.rules(fields, context):
                yield PolicyFault(("checks", name, key) if key else ("checks", name), message)
    yield from _something_required(checks)
    yield from _enough_families(_mapping(document.get("rollback_on")), checks)
    yield from _not_errors(document, checks)
    if BUDGET in checks and BUDGET in document:
        yield PolicyFault(("checks", BUDGET), "the name is taken by the key `budget`; choose another name")


def _names(cohorts: Fields) -> tuple[str, ...]:
    """The names of both cohorts; none if one cannot be read."""
    baseline, candidate = cohorts.get("baseline"), cohorts.get("candidate")
    return (baseline, candidate) if isinstance(baseline, str) and isinstance(candidate, str) else ()


def _cohorts(cohorts: Fields) -> Iterator[PolicyFault]:
    baseline, candidate = cohorts.get("baseline"), cohorts.get("candidate")
    if isinstance(candidate, str) and candidate == baseline:
        yield PolicyFault(("cohorts", "candidate"), f"{shown(candidate)} must differ from the baseline's name")


def _stages(stages: Sequence[Fields]) -> Iterator[PolicyFault]:
    seen: dict[str, int] = {}
    highest, of = 0.0, 0
    for index, stage in enumerate(stages):
        name = stage.get("name")
        if isinstance(name, str) and seen.setdefault(name, index) != index:
            message = f"{shown(name)} is also the name of stages[{seen[name]}]; give each stage its own name"
            yield PolicyFault(("stages", index, "name"), message)
        yield from _timeout(index, stage)
        weight = readable(read_positive_share, stage.get("weight"))
        if weight is not None and weight <= highest:
            before = "the stage before" if of == index - 1 else f"stages[{of}]"
            message = f"{format_share(weight)} must be larger than the {format_share(highest)} of {before}"
            yield PolicyFault(("stages", index, "weight"), message)
        if weight is not None and weight > highest:
            highest, of = weight, index


def _timeout(index: int, stage: Fields) -> Iterator[PolicyFault]:
    bake, warmup, timeout = (readable(read_positive_duration, stage.get(key)) for key in ("bake", "warmup", "timeout"))
    parts = {"warm-up": warmup, "bake": bake}
    known = {word: length for word, length in parts.items() if length is not None}
    if timeout is not None and known and timeout <= sum(known.values()):
        least = " plus the ".join(f"{word} ({format_duration(length)})" for word, length in known.items())
        message = f"{format_duration(timeout)} must be longer than the {least}, or the stage can never pass"
        yield PolicyFault(("stages", index, "timeout"), message)


def _no_data(no_data: Fields) -> Iterator[PolicyFault]:
    hold = readable(read_positive_duration, no_data.get("hold_after", DEFAULT_HOLD_AFTER))
    pause = readable(read_positive_duration, no_data.get("pause_after", DEFAULT_PAUSE_AFTER))
    if hold is not None and pause is not None and pause <= hold:
        origin = "" if "pause_after" in no_data else " (the default)"
        message = (
            f"{format_duration(pause)}{origin} must be longer than hold_after ({format_duration(hold)}): a rollout "
            "holds first and pauses later"
        )
        yield PolicyFault(("no_data", "pause_after"), message)


def _pause(pause: Fields) -> Iterator[PolicyFault]:
    if not pause:
        yield PolicyFault(("pause",), "is empty; write `remind_after`, or `deadline` and `then`, or remove `pause`")
    for key, other, example in (("deadline", "then", "then: rollback"), ("then", "deadline", "deadline: 24h")):
        if key in pause and other not in pause:
            yield PolicyFault(("pause", key), f"needs `{other}`; write for example `{example}`, or remove `{key}`")


def _freeze(windows: object) -> Iterator[PolicyFault]:
    if not isinstance(windows, list | tuple):
        return
    known: list[FreezeWindow] = []
    for fields in windows[:MOST_FREEZE_WINDOWS]:
        with suppress(ValidationError):
            known.append(FreezeWindow.model_validate(fields))
    if cover_the_week(known):
        message = "covers the whole week: the rollout would never advance; leave some time out"
        yield PolicyFault(("freeze",), message)


def _something_required(checks: Mapping[str, Fields]) -> Iterator[PolicyFault]:
    if checks and all(check.get("severity") in ("advisory", "dry_run") for check in checks.values()):
        message = "can never fail: all are advisory or dry_run; write `severity: standard` for at least one"
        yield PolicyFault(("checks",), message)


def _enough_families(rollback_on: Fields, checks: Mapping[str, Fields]) -> Iterator[PolicyFault]:
    failing = readable(whole_number(1, 1_000_000_000), rollback_on.get("failing"))
    models = {name: _model(check) for name, check in checks.items()}
    # A check of an unknown SLI is a fault of its own; which family it was meant for is not known.
    if failing is None or failing == 1 or None in models.values():
        return
    families = {
        str(check.get("family", default_of(model, "family")))
        for check, model in zip(checks.values(), models.values(), strict=True)
        if model is not None and model.may_compare and "ratio" in check
        if check.get("severity", "standard") == "standard" and check.get("on_fail", "rollback") == "rollback"
    }
    if failing > len(families):
        names = f" ({', '.join(sorted(families))})" if families else ""
        message = (
            f"{failing} must be at most {max(1, len(families))}: standard checks that roll back by `ratio` have "
            f"{len(families)} families{names}; lower `failing`, or add such checks of other families"
        )
        yield PolicyFault(("rollback_on", "failing"), message)


def _not_errors(document: Fields, checks: Mapping[str, Fields]) -> Iterator[PolicyFault]:
    not_errors = readable(read_outcomes, document.get("not_errors"))
    counting = {f"checks.{name}": check for name, check in checks.items() if _counts_outcomes(check)}
    if BUDGET in document:
        counting[BUDGET] = _mapping(document[BUDGET])
    for place, fields in counting.items():
        errors = readable(read_outcomes, fields.get("errors", DEFAULT_ERRORS))
        if errors and not_errors and (both := contradiction(errors, not_errors)):
            origin = "" if "errors" in fields else " (the default)"
            message = f"contradicts the `errors` of {place}{origin}: {both}; remove it from one of them"
            yield PolicyFault(("not_errors",), message)


def _counts_outcomes(check: Fields) -> bool:
    model = _model(check)
    return model is not None and "errors" in model.model_fields


def _model(check: Fields) -> type[CheckDefinition] | None:
    word = check.get("sli")
    return CHECK_MODELS.get(word) if isinstance(word, str) else None


def _mapping(value: object) -> Fields:
    """Return the entries of `value` that have text for a key; nothing where it is no mapping."""
    return {key: field for key, field in value.items() if isinstance(key, str)} if isinstance(value, Mapping) else {}
