"""Exact statuses: those that are counted one by one beside the classes, and how a policy writes them.

A code stands for a status: of HTTP its number, of gRPC its number plus `GRPC`. A success, a status of 1xx or 2xx and
gRPC's OK, is counted by its class alone: most requests succeed, and no policy asks in which way.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

GRPC = 1_000
"""Added to a gRPC status, so that its code differs from those of HTTP."""

GRPC_NAMES = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)
"""The names of gRPC's statuses, each at the position of its number."""

GRPC_SERVER_ERRORS = frozenset({2, 4, 12, 13, 14, 15})
"""The gRPC statuses by which the server failed. The others are of the caller's making, as 4xx is in HTTP."""


def grpc_class(status: int) -> str:
    """The class that a gRPC status counts in.

    >>> grpc_class(0), grpc_class(14), grpc_class(8)
    ('ok', 'error', '4xx')
    """
    if status == 0:
        return "ok"
    return "error" if status in GRPC_SERVER_ERRORS else "4xx"


CLASS_OF: Mapping[int, str] = MappingProxyType(
    {
        **{status: f"{status // 100}xx" for status in range(300, 600)},
        **{GRPC + status: grpc_class(status) for status in range(1, len(GRPC_NAMES))},
    }
)
"""The class of each exact status, by its code, in ascending order."""

CODES: Mapping[int | str, int] = MappingProxyType(
    {code if code < GRPC else f"grpc:{code - GRPC}": code for code in CLASS_OF}
)
"""The code of each exact status as a policy writes it: 429, or `grpc:14`."""

NO_STATUSES: Mapping[int, int] = MappingProxyType({})


def add_statuses(one: Mapping[int, int], other: Mapping[int, int]) -> Mapping[int, int]:
    """The sum of two counts by code, ascending, so that equal sums are also written alike.

    >>> add_statuses({503: 1}, {429: 2, 503: 1})
    {429: 2, 503: 2}
    """
    if not other:
        return one
    if not one:
        return other
    return {code: one.get(code, 0) + other.get(code, 0) for code in sorted({*one, *other})}
