"""Which outcomes count as errors: the default of the key `errors`, and the faults and lints about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gates.documents.outcomes import Outcome, class_of, overlap
from gates.slis.findings import Finding

DEFAULT_ERRORS: tuple[Outcome, ...] = ("5xx", "error")
GOOD: tuple[Outcome, ...] = ("1xx", "2xx", "3xx", "ok")
CALLERS: tuple[Outcome, ...] = ("3xx", "4xx")
"""Classes that are errors of some services and not of others: a policy should leave neither open."""

WITHOUT_STATUS = frozenset({"ok", "error"})
"""The outcomes of work that has no statuses, such as that of a queue worker."""


def odd_errors(errors: tuple[Outcome, ...]) -> Iterator[Finding]:
    """Yield successes that count as errors, and server errors that do not: both turn a check on its head."""
    if good := [str(word) for word in errors if word in GOOD]:
        yield Finding("errors", f"counts {' and '.join(good)}, which are successes, as errors; remove them")
    if not set(DEFAULT_ERRORS) & set(map(class_of, errors)):
        yield Finding("errors", "has neither 5xx nor error: a candidate that crashes would have no errors; add them")


def contradiction(errors: Iterable[Outcome], not_errors: Iterable[Outcome]) -> str | None:
    """What a list of errors and the list of those that are none (`not_errors`) have in common; None if nothing.

    >>> contradiction(["5xx", 429], ["3xx", "4xx"])
    '4xx includes 429'
    """
    for error in errors:
        for other in not_errors:
            if error == other:
                return f"{other} is in both"
            if overlap(error, other):
                wide, exact = (other, error) if other == class_of(error) else (error, other)
                return f"{wide} includes {exact}"
    return None


def left_open(errors: Iterable[Outcome], not_errors: Iterable[Outcome]) -> list[str]:
    """The classes of `CALLERS` of which no outcome is in either list; none where the work has no statuses.

    >>> left_open(["5xx", 429], []), left_open(["5xx"], ["3xx", "4xx"]), left_open(["error"], [])
    (['3xx'], [], [])
    """
    if WITHOUT_STATUS.issuperset(errors := tuple(errors)):
        return []
    declared = {class_of(outcome) for outcome in (*errors, *not_errors)}
    return [str(word) for word in CALLERS if word not in declared]


def failures_left_open(errors: Iterable[Outcome], not_errors: Iterable[Outcome]) -> dict[str, list[Outcome]]:
    """The classes of `DEFAULT_ERRORS` that are not counted, each with those of its statuses that are.

    None where the work has no statuses. A status in `not_errors` shows that its class was considered: the class itself
    cannot be in that list while a status of it counts.

    >>> failures_left_open([503], []), failures_left_open([503, "error"], [500]), failures_left_open(["error"], [])
    ({'5xx': [503], 'error': []}, {}, {})
    """
    if WITHOUT_STATUS.issuperset(errors := tuple(errors)):
        return {}
    considered = {*errors, *map(class_of, not_errors)}
    return {
        str(word): [error for error in errors if class_of(error) == word]
        for word in DEFAULT_ERRORS
        if word not in considered
    }
