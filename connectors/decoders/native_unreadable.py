"""Whose the events are that cannot be read: their rollout and, where that can be read as well, their cohort.

A candidate whose failures cannot be read must not look like one without failures. So an element that is not an event
still counts against its cohort, and as one without a cohort where that is the part at fault. It is searched as far as
its bytes allow: as JSON, as JSON with the words NaN and Infinity that some producers write for numbers, and last by its
two names alone, since a line may be cut off. The cost is linear in the bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from connectors.decoders.decoded import Unreadable
from connectors.decoders.event import Milliseconds, Name, from_text
from connectors.decoders.native_faults import UNDECODABLE, document


class _Named(msgspec.Struct, gc=False):
    """The part of an event that shows whose it is."""

    rollout: Name
    cohort: msgspec.Raw = msgspec.Raw()
    ts: msgspec.Raw = msgspec.Raw()
    synthetic: msgspec.Raw = msgspec.Raw()
    heartbeat: msgspec.Raw = msgspec.Raw()


_named: Final = msgspec.json.Decoder(_Named).decode
_elements: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_time: Final = msgspec.json.Decoder(Milliseconds).decode
_name: Final = msgspec.json.Decoder(Name).decode

_KEY: Final = b'"rollout"'
_NO_NUMBER: Final = re.compile(rb"([:,\[][ \t\r\n]*)[-+]?(?:NaN|nan|Infinity|inf)(?=[ \t\r\n]*[,}\]])")
# A name has at most 128 characters, and JSON needs at most twelve bytes for one: two escapes of six.
_NAMES: Final = re.compile(rb'"(rollout|cohort)"[ \t\r\n]*:[ \t\r\n]*"((?:[^"\\]|\\.){1,1536})"')
_BLANK: Final = b" \t\r\n"


def unreadable_in(raw: bytes) -> list[Unreadable]:
    """The events in these bytes, none of which was counted: those of which the rollout can be read.

    >>> [(found.rollout, found.cohort) for found in unreadable_in(b'{"rollout":"r","cohort":"c","latency_ms":NaN}')]
    [('r', 'c')]
    >>> [(found.rollout, found.cohort) for found in unreadable_in(b'{"rollout":"r","cohort":7}')]
    [('r', '')]
    """
    if _KEY not in raw:  # what is no event at all, such as a million empty objects, must cost little
        return []
    for text in (raw, _NO_NUMBER.sub(rb"\1null", raw)):
        try:
            document(text)
        except UNDECODABLE:
            continue
        return list(_in_document(text))
    return list(_by_names(raw))


def _in_document(text: bytes) -> Iterator[Unreadable]:
    """The events of well-formed JSON, either one object or an array."""
    if not text.lstrip(_BLANK).startswith(b"["):
        yield from _in_object(text)
        return
    for element in _elements(text):
        yield from _in_object(element)


def _in_object(text: bytes | msgspec.Raw) -> Iterator[Unreadable]:
    try:
        found = _named(text)
    except UNDECODABLE:
        return
    if bytes(found.heartbeat) != b"true":  # no request, so none is missing
        yield Unreadable(found.rollout, _cohort(found.cohort), _ts_ms(found.ts), bytes(found.synthetic) == b"true")


def _cohort(cohort: msgspec.Raw) -> str:
    """The name; "" where there is none that a cohort can have."""
    try:
        return _name(cohort)
    except UNDECODABLE:
        return ""


def _ts_ms(ts: msgspec.Raw) -> int | None:
    try:
        known = _time(ts)
        return known if isinstance(known, int) else from_text(known)
    except (*UNDECODABLE, ValueError):
        return None


def _by_names(raw: bytes) -> Iterator[Unreadable]:
    """The events of broken JSON: one for each rollout, with the cohort that is next to it, if one is.

    Either of the two comes first. A second rollout before any cohort begins another event.
    """
    names: dict[bytes, str] = {}
    for key, text in _NAMES.findall(raw):
        try:
            name = _name(b'"' + text + b'"')
        except UNDECODABLE:
            names.pop(key, None)
            continue
        if key == b"rollout" and key in names:
            yield Unreadable(names[key], "")
        names[key] = name
        if len(names) == 2:
            yield Unreadable(names[b"rollout"], names[b"cohort"])
            names.clear()
    if b"rollout" in names:
        yield Unreadable(names[b"rollout"], "")
