"""Which orders and acks were folded before, by the offsets of their messages. Pure.

The sequencer delivers at least once: after a crash it appends the same messages again, with the same origins.
"""

from __future__ import annotations

from typing import Final

from streams.journal import Origin

MOST_TOPICS: Final = 3
"""Topics of one name that are remembered: a message of one that is gone may still be appended again."""


def is_repeat(seen: dict[str, int], origin: Origin | None) -> bool:
    """Whether a message was seen; notes in `seen` that it is now. `seen` has the greatest offset by origin partition.

    A topic that was made again has other messages at the same offsets. Records of older builds do not name the
    topic's id; it is then the one known.

    >>> seen = {}
    >>> [is_repeat(seen, Origin("t", 1, offset, "X")) for offset in (7, 7, 8)]
    [False, True, False]
    >>> [is_repeat(seen, Origin("t", 1, offset, "Y")) for offset in (0, 0)], is_repeat(seen, Origin("t", 1, 8, "X"))
    ([False, True], True)
    >>> seen
    {'t/1/X': 8, 't/1/Y': 0}
    """
    if origin is None:
        return False
    key = _key(seen, origin)
    if origin.offset <= seen.get(key, -1):
        return True
    seen[key] = origin.offset
    return False


def _key(seen: dict[str, int], origin: Origin) -> str:
    """The key of an origin's partition; one without an id stands for the first id that comes."""
    name = f"{origin.topic}/{origin.partition}"
    known = [key for key in seen if key == name or key.startswith(f"{name}/")]
    if not origin.topic_id:
        return known[-1] if known else name
    key = f"{name}/{origin.topic_id}"
    if name in seen:
        seen[key] = seen.pop(name)
    elif key not in seen and len(known) >= MOST_TOPICS:
        del seen[known[0]]
    return key
