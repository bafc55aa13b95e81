"""The role `audit`: no failure of it ends the worker, in which a judge may run."""

from __future__ import annotations

from typing import Any

import pytest

from streams.audit import service
from streams.audit.service import Audit
from streams.runtime.health import Health
from streams.runtime.settings import Settings


class FailingGroup:
    """A consumer of which every poll fails in a way that nobody expects."""

    async def getmany(self, **_: Any) -> None:
        """Fail."""
        raise OverflowError("an integer is outside the range")


async def test_a_failure_of_any_kind_is_a_trouble_of_this_role(monkeypatch: pytest.MonkeyPatch) -> None:
    """Health shows it once it lasts; nothing is raised."""
    monkeypatch.setattr(service, "RETRY_SECONDS", 0.0)
    health = Health()
    audit: Any = Audit(Settings(), health)
    audit._group, audit._succeeded_at = FailingGroup(), float("-inf")
    await audit._round()
    assert health.alive() == (False, {"audit": "auditing fails: OverflowError"})
