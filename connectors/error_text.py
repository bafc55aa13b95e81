"""What an error is, for a person: many that mean that nothing answered have no text of their own."""

from __future__ import annotations


def text_of(error: BaseException) -> str:
    """The text of an error, or the name of its type if it has none.

    >>> text_of(ValueError("no number")), text_of(TimeoutError())
    ('no number', 'TimeoutError')
    """
    return str(error) or type(error).__name__
