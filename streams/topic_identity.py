"""Which topic an offset is of. A topic that is made again keeps its name, and its offsets begin again. Pure.

An identity is the id that the broker gave the topic; it is empty where the broker has no ids, or the record is of an
older build, and then stands for the topic that is known. If the end of a topic goes back and no new id shows it, its
reader adds a mark of its own; an identity without a mark then stands for the newest one.
"""

from __future__ import annotations

from typing import Final

MARK: Final = "~"


def marked(identity: str, mark: int) -> str:
    """The identity after the end of this topic went back.

    >>> marked("X", 7), marked("X~7", 9), marked("", 7)
    ('X~7', 'X~9', '~7')
    """
    return f"{topic_id(identity)}{MARK}{mark}"


def topic_id(identity: str) -> str:
    """The broker's id in an identity.

    >>> topic_id("X~7"), topic_id("~7"), topic_id("X")
    ('X', '', 'X')
    """
    return identity.partition(MARK)[0]


def is_same(known: str, given: str) -> bool:
    """Whether a record with the identity `given` is of the topic that is `known`.

    >>> is_same("X", "X"), is_same("X", "Y"), is_same("X", ""), is_same("", "X")
    (True, False, True, True)
    >>> is_same("X~7", "X"), is_same("X", "X~7"), is_same("", "~7")
    (True, False, False)
    """
    if known == given:
        return True
    return MARK not in given and (not given or topic_id(known) in ("", given))


def joined(known: str, given: str) -> str:
    """The identity of a topic, known as the first, that a record names as the second.

    >>> joined("", "X"), joined("X~7", "X"), joined("X", "")
    ('X', 'X~7', 'X')
    """
    return known if topic_id(known) or not given else given
