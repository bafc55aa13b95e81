"""Rollouts that this judge must not decide on: they are set aside one by one, and all others are judged. Pure.

One reason is a record that needs a newer build: after a downgrade this build would decide otherwise than that one did.
The other is a fold that differs from what was published. In both cases the weights stay as they are.
"""

from __future__ import annotations

import re
from typing import Any, get_args

import msgspec

from gates.policy import Policy, PolicyError
from gates.rules import CURRENT, RULES
from streams.journal import Record, Start
from streams.judge.replay_guard import ReplayGuard


class SetAsideError(ValueError):
    """An order for a rollout that is set aside."""

    reason = "set_aside"


class SetAside(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a rollout is set aside, and what would end that.

    It needs a build that has the `rules`, reads the `schema` and accepts the `policy`. Without any of them the fold
    differs from what was published, and a confirmed start ends it: its epoch is the one after `epoch`. `seen` and
    `replay_guard` are those of the rollout, so that no copy of an order from before can be that start.
    """

    why: str
    rules: int | None = None
    schema: str | None = None
    policy: Any = None
    epoch: int = 0
    seen: dict[str, int] = {}
    replay_guard: ReplayGuard = msgspec.field(default_factory=ReplayGuard)

    @property
    def needs_another_build(self) -> bool:
        """Whether no order can end it."""
        return self.rules is not None or self.schema is not None or self.policy is not None

    def is_met(self) -> bool:
        """Whether this build is one that it needs: then the journal is folded again."""
        if not self.needs_another_build:
            return False
        rules = self.rules is None or self.rules in RULES
        schema = self.schema is None or not _is_newer(self.schema)
        return rules and schema and (self.policy is None or not _faults(self.policy))


def unjudgeable(record: Start) -> SetAside | None:
    """Why this build cannot judge what the start begins; None if it can.

    A sequencer has accepted the policy, so faults in it mean that the sequencer is of another build.
    """
    if record.rules > CURRENT:
        return under_newer_rules(record.rules)
    if record.origin is not None and (faults := _faults(record.policy)):
        why = f"this build does not accept its policy ({faults})"
        return SetAside(why=_go_back(why), policy=record.policy)
    return None


def under_newer_rules(rules: int) -> SetAside:
    """Of a rollout whose epoch is judged by rules that this build does not have."""
    why = f"it was started under rules {rules}, and this build has rules up to {CURRENT}"
    return SetAside(why=_go_back(why), rules=rules)


def _faults(policy: dict[str, Any]) -> str:
    try:
        Policy.parse(policy)
    except PolicyError as error:
        return str(error.faults[0])
    return ""


class _Head(msgspec.Struct):
    schema: str
    rollout: str


_SCHEMA = re.compile(r"sluicegate\.([a-z]+)/v([0-9]{1,9})")
_decode_head = msgspec.json.Decoder(_Head).decode


def _version(schema: str) -> tuple[str, int] | None:
    found = _SCHEMA.fullmatch(schema)
    return None if found is None else (found[1], int(found[2]))


_KNOWN: dict[str, int] = dict(
    version for kind in get_args(Record) if (version := _version(str(kind.__struct_config__.tag))) is not None
)


def _is_newer(schema: str) -> bool:
    version = _version(schema)
    return version is not None and version[1] > _KNOWN.get(version[0], 0)


def of_a_newer_build(value: bytes) -> tuple[str, SetAside] | None:
    """The rollout that a record of a newer build is about, and why it is set aside; None if this is no such record.

    >>> of_a_newer_build(b'{"schema": "sluicegate.control/v2", "rollout": "checkout-v2"}')[1].schema
    'sluicegate.control/v2'
    >>> of_a_newer_build(b'{"schema": "sluicegate.control/v1", "rollout": "checkout-v2"}')
    """
    try:
        head = _decode_head(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not _is_newer(head.schema):
        return None
    why = f"the journal has a record {head.schema} about it, which this build does not read"
    return head.rollout, SetAside(why=_go_back(why), schema=head.schema)


def _go_back(why: str) -> str:
    return f"{why}: a newer build is needed; the rollout keeps its weights and is not judged by this one"


def differing(how: str, epoch: int) -> SetAside:
    """Of a rollout that this build decides otherwise than was published."""
    why = (
        f"not decided as it was published: {how}; its weights stay as published, and it is not judged: run the build "
        "that published this, or start the rollout again with --yes"
    )
    return SetAside(why=why, epoch=epoch)
