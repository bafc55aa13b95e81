"""The two protocols of actuators."""

import pytest

from connectors.actuators import FileActuator, LogActuator
from connectors.actuators.actuator import Remembers
from connectors.actuators.executor import Executor
from connectors.actuators.wanted import decode
from tests.connectors.actuators.contract import NOW, decided


class Remembering(LogActuator):
    """An actuator that has applied 1:4 before it was started again."""

    def last_applied(self) -> dict[str, tuple[int, int]]:
        """One rollout's order."""
        return {"checkout-v2": (1, 4)}


def test_only_an_actuator_with_a_memory_remembers(tmp_path: object) -> None:
    """The executor asks by this protocol, so the method is optional."""
    assert isinstance(FileActuator(f"{tmp_path}/weights.json"), Remembers)
    assert isinstance(Remembering(), Remembers)
    assert not isinstance(LogActuator(), Remembers)


async def test_an_order_that_nobody_gave_has_a_way_out() -> None:
    """What an actuator has at its start is newer than all that the gate ordered: health shows it, and what to do."""
    executor = Executor(Remembering(), lambda: NOW)
    ack = await executor.carry_out(decode(decided(3, 0)))
    words = "1:3 is older than 1:4, which log had at its start; if the gate never gave that order, remove it there"
    assert (ack.status, words in ack.reason, words in str(executor.unapplied)) == ("rejected", True, True)
    await executor.carry_out(decode(decided(4, 10)))
    later = await executor.carry_out(decode(decided(3, 0)))
    assert (later.reason, str(executor.unapplied)) == ("1:3 is older than 1:4, which was seen before", "")


@pytest.mark.parametrize(("sequence", "status"), [(3, "rejected"), (4, "applied"), (5, "applied")])
async def test_an_order_older_than_the_remembered_one_is_rejected(sequence: int, status: str) -> None:
    """The remembered order itself is applied again, in case the router was changed meanwhile."""
    ack = await Executor(Remembering(), lambda: NOW).carry_out(decode(decided(sequence, 10)))
    assert ack.status == status
