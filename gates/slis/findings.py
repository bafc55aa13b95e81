"""What a definition reports about itself, faults and lints, and what both use from the rest of a policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

Fields = Mapping[str, object]
"""One definition as written in the document, before it is validated."""


class Finding(NamedTuple):
    """A fault or a lint: the key of the definition that it is about (empty: the whole definition), and the message."""

    key: str
    message: str


@dataclass(frozen=True, slots=True)
class RuleContext:
    """What rules use: the pane in milliseconds (None where it cannot be read), and whether a stage reaches 100%.

    `cohorts` are the names of both cohorts; empty where they cannot be read.
    """

    pane_ms: int | None
    reaches_all: bool
    cohorts: tuple[str, ...] = ()


class StageShape(Protocol):
    """What lints use from a stage of the policy."""

    @property
    def name(self) -> str:
        """The name of the stage."""

    @property
    def weight(self) -> float:
        """The candidate's share of traffic, 0 to 1."""

    @property
    def bake_ms(self) -> int:
        """The bake, in milliseconds."""

    @property
    def warmup_ms(self) -> int | None:
        """The warm-up, in milliseconds."""


@dataclass(frozen=True, slots=True)
class LintContext:
    """What lints use from the rest of the policy; `candidate` is the name of that cohort."""

    stages: Sequence[StageShape]
    min_requests: int
    candidate: str = ""


def traffic_text(rps: float) -> str:
    """The traffic of both cohorts as lints print it.

    >>> traffic_text(50.0)
    '50 requests/s'
    """
    return f"{rps:g} request{'' if rps == 1.0 else 's'}/s"
