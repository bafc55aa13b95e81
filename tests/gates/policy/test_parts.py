"""The parts of a policy: their defaults, their keys as written, and that nothing changes them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from gates.policy.parts import Cohorts, Commands, Confidence, DataQuality, NoData, RollbackOn, Stage
from gates.slis.definition import Part

STAGE: dict[str, Any] = {"name": "tenth", "weight": "10%", "bake": "10m"}
PARTS: list[tuple[type[Part], dict[str, Any]]] = [
    (Cohorts, {"baseline": "stable", "candidate": "canary"}),
    (Stage, STAGE),
    (Confidence, {}),
    (RollbackOn, {}),
    (DataQuality, {}),
    (NoData, {}),
    (Commands, {}),
]


@pytest.mark.parametrize(("part", "fields"), PARTS, ids=lambda value: getattr(value, "__name__", ""))
def test_an_unknown_key_is_a_fault(part: type[Part], fields: dict[str, Any]) -> None:
    """A key with a typing error would otherwise silently have its default."""
    part.model_validate(fields)
    with pytest.raises(ValidationError):
        part.model_validate({**fields, "extra": 1})


def test_a_stage_is_written_in_units_and_read_in_milliseconds() -> None:
    """What is absent has no warm-up, no timeout and no approval, and one pane is enough."""
    stage = Stage.model_validate(STAGE)
    assert (stage.weight, stage.bake_ms, stage.warmup_ms, stage.timeout_ms) == (0.1, 600_000, None, None)
    assert (stage.passes, stage.approval, stage.proof, stage.proves) == (1, False, None, True)
    assert stage.model_dump(by_alias=True, exclude_none=True) == {**STAGE, "passes": 1, "approval": False}


def test_the_defaults_are_strict() -> None:
    """One family rolls back, the split is checked, and no dispersion is assumed."""
    assert (RollbackOn().failing, Confidence().rollback, Confidence().dispersion) == (1, 0.01, None)
    assert (DataQuality().sample_ratio, DataQuality().contamination) == (True, 0.01)
    assert NoData().hold_after_ms < NoData().pause_after_ms


def test_a_part_is_frozen() -> None:
    """A policy that changed under a running rollout would no longer have its hash."""
    cohorts: Any = Cohorts(baseline="stable", candidate="canary")
    with pytest.raises(ValidationError):
        cohorts.baseline = "other"
    assert cohorts.document() == {"baseline": "stable", "candidate": "canary"}


def test_a_proof_can_only_be_given_up_in_writing() -> None:
    """`true` is the default, written out."""
    assert Stage.model_validate({**STAGE, "proof": True}).proves
    assert not Stage.model_validate({**STAGE, "proof": False}).proves
