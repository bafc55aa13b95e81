"""Errors of orders."""

import pytest

from streams.operator_client.errors import (
    OrderError,
    OrderRefusedError,
    RunningAlreadyError,
    UnansweredError,
    UnknownRolloutError,
)


@pytest.mark.parametrize("kind", [UnknownRolloutError, RunningAlreadyError, OrderRefusedError, UnansweredError])
def test_each_is_an_order_error(kind: type[OrderError]) -> None:
    """Commands catch that one, and show its text as it is."""
    with pytest.raises(OrderError, match=r"^why$"):
        raise kind("why")
