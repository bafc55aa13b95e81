"""Ingest's commits wait for dead letters, but not forever."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka.errors import CommitFailedError
from aiokafka.structs import TopicPartition

from streams.ingest import committing
from streams.ingest.committing import Committer

FIRST, SECOND = TopicPartition("e", 0), TopicPartition("e", 1)


class Letters:
    """Letters that are accepted or not."""

    accepted = True

    async def settle(self) -> bool:
        """Whether they are."""
        return self.accepted


class Group:
    """What was committed."""

    def __init__(self) -> None:
        self.committed: list[dict[TopicPartition, int]] = []
        self.refuses = False

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        """Commit."""
        if self.refuses:
            raise CommitFailedError
        self.committed.append(offsets)


@pytest.fixture
def letters() -> Any:
    """Letters."""
    return Letters()


@pytest.fixture
def group() -> Any:
    """A consumer."""
    return Group()


async def test_commits_wait_for_letters(letters: Any, group: Any) -> None:
    """Then the newest offset of each partition that is still owned is committed."""
    owned = {FIRST: object(), SECOND: object()}
    committer = Committer(letters, owned)
    letters.accepted = False
    for offsets in ({FIRST: 1, SECOND: 4}, {FIRST: 2}):
        await committer.commit(group, offsets)
    assert group.committed == []
    committer.forget(SECOND)
    letters.accepted = True
    await committer.commit(group, {})
    assert group.committed == [{FIRST: 2}]
    await committer.commit(group, {})
    owned.clear()
    await committer.commit(group, {FIRST: 3})
    assert group.committed == [{FIRST: 2}]


async def test_letters_that_are_never_accepted_hold_back_no_more(
    letters: Any, group: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next worker would have to catch up with all since."""
    committer = Committer(letters, {FIRST})
    letters.accepted = False
    await committer.commit(group, {FIRST: 1})
    monkeypatch.setattr(committing, "LONGEST_HELD_S", -1.0)
    await committer.commit(group, {FIRST: 2})
    assert group.committed == [{FIRST: 2}]


async def test_a_refused_commit_is_no_failure(letters: Any, group: Any) -> None:
    """The partition moved: its next owner reads again what is not committed."""
    group.refuses = True
    await Committer(letters, {FIRST}).commit(group, {FIRST: 1})
    assert group.committed == []
