"""The rules between several keys of a policy test; the models report values that are invalid by themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gates.documents.quantities import shown
from gates.policy import PolicyFault
from streams.journal import OF_A_STAGE
from streams.offline.policy_tests.fields import ACTIONS, GAP

INPUTS = ("events", "scenario", "traffic")

FLAGS = {
    "confirmed": ("rollback", "start"),
    "replace": ("start",),
    "override_freeze": ("advance", "promote", "start"),
}
"""The orders that each flag belongs to."""


def faults_between_keys(written: Mapping[str, Any]) -> Iterator[PolicyFault]:
    """Yield the faults between the keys of a test, whose `expect` holds mappings only; never raises."""
    inputs = [key for key in INPUTS if key in written]
    if len(inputs) > 1:
        yield PolicyFault((inputs[1],), f"cannot be combined with `{inputs[0]}`: a test has one traffic, so remove one")
    for key in () if {"scenario", "traffic"}.intersection(inputs) else ("seed", "run"):
        if key in written:
            yield PolicyFault((key,), "has no effect on recorded events: remove it")
    if not written.get("never") and _empty(written.get("expect")):
        example = "`expect: [start, advance, ..., rollback]`"
        yield PolicyFault((), f"expects nothing, so it can never fail: write for example {example}")
    for index, each in enumerate(written["expect"] if isinstance(written.get("expect"), list) else []):
        if not isinstance(each, Mapping):
            continue
        if each.get("action") == GAP and len(each) > 1:
            yield PolicyFault(("expect", index), f"`{GAP}` stands for any decisions: write it without other keys")
        if "since" in each and "within" not in each:
            yield PolicyFault(("expect", index, "since"), "is the start of `within`: write `within`, too")
    yield from _controls(written.get("controls"))
    for index, each in enumerate(written["never"] if isinstance(written.get("never"), list) else []):
        if each in ACTIONS and each in _expected_actions(written):
            yield PolicyFault(("never", index), f"{shown(each)} is also expected: remove one of the two")


def _controls(controls: object) -> Iterator[PolicyFault]:
    for index, each in enumerate(controls if isinstance(controls, list) else []):
        if not isinstance(each, Mapping):
            continue
        if "stage" in each and each.get("control") not in OF_A_STAGE:
            yield PolicyFault(("controls", index, "stage"), "belongs to an `approve` or `advance`: remove it")
        if each.get("control") == "advance" and "stage" not in each:
            yield PolicyFault(("controls", index, "stage"), "is missing: write the stage that is left by hand")
        for flag, orders in FLAGS.items():
            if flag in each and each.get("control") not in orders:
                yield PolicyFault(("controls", index, flag), f"belongs to {' or '.join(orders)}: remove it")


def _empty(expected: object) -> bool:
    """Whether any decisions would fit."""
    return not expected or (isinstance(expected, list) and all(each == {"action": GAP} for each in expected))


def _expected_actions(written: Mapping[str, Any]) -> list[object]:
    expected = written.get("expect")
    return [each.get("action") for each in expected if isinstance(each, Mapping)] if isinstance(expected, list) else []
