"""Which outcomes count as errors: the default of the key `errors`, and the lints about it."""

from __future__ import annotations

from collections.abc import Iterator

from gates.documents.readers import ErrorClass
from gates.slis.findings import Finding

DEFAULT_ERRORS: tuple[ErrorClass, ...] = ("5xx", "error")
GOOD: tuple[ErrorClass, ...] = ("1xx", "2xx", "3xx", "ok")


def odd_errors(errors: tuple[ErrorClass, ...]) -> Iterator[Finding]:
    """Yield successes that count as errors, and server errors that do not: both turn a check on its head."""
    if good := [word for word in errors if word in GOOD]:
        yield Finding("errors", f"counts {' and '.join(good)}, which are successes, as errors; remove them")
    if not set(DEFAULT_ERRORS) & set(errors):
        yield Finding("errors", "has neither 5xx nor error: a candidate that crashes would have no errors; add them")
