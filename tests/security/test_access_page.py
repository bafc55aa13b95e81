"""The page on access control lists what each role needs."""

from streams.runtime.settings import Settings
from tests.security.access_table import rights


def test_the_page_has_what_each_role_asks_for() -> None:
    """docs/security.md and the worker's own check name the same rights."""
    from streams.runtime.settings import ROLES
    from streams.worker.acl_needs import needs_of

    for role in ROLES:
        needs = needs_of(Settings.model_validate({"roles": (role,)}))
        asked = set(needs.by_topic()) | {("Read", group) for group in needs.groups}
        granted = {(right.operation, right.name) for right in rights() if right.role == role}
        assert granted - asked == {("DescribeConfigs", topic) for topic in needs.describe}
        assert asked <= granted
