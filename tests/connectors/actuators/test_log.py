"""The actuator that logs passes the contract, and logs each order in one line."""

import logging
from pathlib import Path

import pytest

from connectors.actuators import Actuator, LogActuator
from connectors.actuators.wanted import decode
from tests.connectors.actuators.contract import ActuatorContract, decided


class TestLogActuator(ActuatorContract):
    """The log."""

    def make(self, folder: Path) -> Actuator:
        """Nothing to it."""
        return LogActuator()

    async def test_what_it_logs(self, caplog: pytest.LogCaptureFixture) -> None:
        """Id, action, stage, weights and reason in one line; a warning where it pages people."""
        caplog.set_level(logging.INFO)
        await LogActuator().apply(decode(decided(4, 2.5, reason="errors are fine")))
        await LogActuator().apply(decode(decided(5, 2.5, reason="nobody answers", escalate=True)))
        assert [(record.levelname, record.message) for record in caplog.records] == [
            ("INFO", "checkout-v2:1:4 advance at canary: stable 97.5%, canary 2.5%: errors are fine"),
            ("WARNING", "checkout-v2:1:5 advance at canary: stable 97.5%, canary 2.5%: nobody answers"),
        ]
