"""Fixtures of the trials: lines to a broker that can be cut, or that refuse."""

from collections.abc import AsyncIterator

import pytest

from tests.faults.line import Line, line_through
from tests.faults.proxy import Proxy
from tests.faults.refuser import Refuser


@pytest.fixture
async def line() -> AsyncIterator[Line[Proxy]]:
    """A line that can stall, delay, be cut and refuse connections."""
    async with line_through(Proxy) as found:
        yield found


@pytest.fixture
async def refusing_line() -> AsyncIterator[Line[Refuser]]:
    """A line on which writes can be refused."""
    async with line_through(Refuser) as found:
        yield found
