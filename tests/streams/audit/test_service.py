"""The role `audit`: no failure of it ends the worker, in which a judge may run."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka.errors import GroupAuthorizationFailedError

from streams.audit import service
from streams.audit.service import Audit
from streams.runtime.health import Health
from streams.runtime.settings import Settings


class FailingGroup:
    """A consumer of which every poll fails in the same way."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def getmany(self, **_: Any) -> None:
        """Fail."""
        raise self._error


async def test_a_failure_of_any_kind_is_a_trouble_of_this_role(monkeypatch: pytest.MonkeyPatch) -> None:
    """Health shows it once it lasts; nothing is raised."""
    monkeypatch.setattr(service, "RETRY_SECONDS", 0.0)
    health = Health()
    audit: Any = Audit(Settings(), health)
    audit._group, audit._succeeded_at = FailingGroup(OverflowError("an integer is too large")), float("-inf")
    await audit._round()
    assert health.alive() == (False, {"audit": "auditing fails: OverflowError"})


async def test_a_denied_group_ends_the_role() -> None:
    """It is started again, with a new client: this one would fail each time."""
    audit: Any = Audit(Settings(), Health())
    audit._group = FailingGroup(GroupAuthorizationFailedError("audit"))
    with pytest.raises(GroupAuthorizationFailedError):
        await audit._round()
