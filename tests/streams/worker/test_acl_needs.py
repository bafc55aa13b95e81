"""Each role asks for its own topics and group, and for no more."""

from __future__ import annotations

import pytest

from streams.runtime.settings import ROLES, Role, Settings
from streams.topics.specs import TOPICS
from streams.worker.acl_needs import needs_of


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_one_group(role: Role) -> None:
    """With the prefix, as its topics have it."""
    needs = needs_of(Settings(roles=(role,), topic_prefix="p."))
    assert list(needs.groups) == [f"p.sluicegate-{role}"]
    assert all(topic.startswith("p.") for topic in (*needs.read, *needs.write))


def test_only_the_judge_decides() -> None:
    """No other role may write decisions, commands, statuses or snapshots."""
    names = Settings().topics
    judged = {names.decisions, names.commands, names.status, names.snapshots}
    for role in ROLES:
        assert (judged <= set(needs_of(Settings(roles=(role,))).write)) == (role == "judge")
        assert (not judged & set(needs_of(Settings(roles=(role,))).write)) == (role != "judge")


def test_roles_share_what_they_need() -> None:
    """Each topic is asked for once, and every topic is described."""
    needs = needs_of(Settings())
    for topics in (needs.read, needs.write, needs.describe):
        assert len(set(topics)) == len(list(topics))
    assert len(list(needs.describe)) == len(TOPICS)
