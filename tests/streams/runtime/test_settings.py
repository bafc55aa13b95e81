"""A worker's settings."""

import pytest
from pydantic import ValidationError

from streams.runtime.settings import ROLES, Settings


def test_names_have_the_prefix() -> None:
    """Consumer groups as well as topics, so that two installations do not share them."""
    settings = Settings(topic_prefix="team.")
    assert {settings.group(role) for role in ROLES} == {f"team.sluicegate-{role}" for role in ROLES}
    assert settings.topics.journal == "team.gate-journal"


def test_a_worker_has_every_role_and_a_name_by_default() -> None:
    """The name differs between processes of one machine."""
    settings = Settings()
    assert settings.roles == ROLES
    assert settings.worker_id.rpartition("-")[2].isdecimal()


def test_the_environment_sets_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists are JSON."""
    monkeypatch.setenv("SLUICEGATE_ROLES", '["judge"]')
    monkeypatch.setenv("SLUICEGATE_IDLE_TIMEOUT_MS", "700")
    settings = Settings()
    assert (settings.roles, settings.timing.idle_timeout) == (("judge",), 700)


def test_several_heartbeats_fit_in_a_session() -> None:
    """One that is late must not cost the partitions."""
    options = Settings(session_timeout_ms=30_000).membership
    assert options["session_timeout_ms"] == 30_000
    assert options["heartbeat_interval_ms"] * 3 <= options["session_timeout_ms"]


@pytest.mark.parametrize(
    "wrong", [{"flush_interval_ms": 0}, {"watchdog_ms": 1}, {"roles": ("judges",)}, {"log_level": "x"}]
)
def test_values_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    """Each setting has its bounds."""
    with pytest.raises(ValidationError):
        Settings.model_validate(wrong)


def test_what_all_workers_must_share() -> None:
    """What is counted, when panes close, and whether orders are verified."""
    assert Settings().shared == {
        "max_event_bytes": 1_048_576,
        "max_future_ms": 60_000,
        "out_of_orderness_ms": 2_000,
        "idle_timeout_ms": 5_000,
        "stall_timeout_ms": 30_000,
        "verify_keys": 0,
    }
