"""A remark: something valid in a policy that is probably a mistake."""

from __future__ import annotations

from dataclasses import dataclass

from gates.documents.faults import PolicyFault


@dataclass(frozen=True, slots=True)
class Remark(PolicyFault):
    """Something that is valid in a policy, and probably a mistake: its location, and why it matters."""


def of_check(name: str, key: str, message: str) -> Remark:
    """A remark on a key of a check."""
    return Remark(("checks", name, key), message)
