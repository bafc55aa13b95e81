"""The bundled actuators pass the contract; and what each does beyond it."""

import asyncio
import json
import logging
from collections.abc import Mapping
from pathlib import Path

import pytest

from connectors.actuators import Actuator, FileActuator, LogActuator, Wanted
from connectors.actuators.executor import Executor
from connectors.actuators.wanted import decode
from gates.decisions import Action
from streams import journal
from tests.connectors.actuators.contract import NOW, ActuatorContract, decided


def names(folder: Path) -> list[str]:
    """What is in a folder."""
    return sorted(path.name for path in folder.iterdir())


class TestLogActuator(ActuatorContract):
    """The log."""

    def make(self, folder: Path) -> Actuator:
        """Nothing to it."""
        return LogActuator()

    async def test_what_it_logs(self, caplog: pytest.LogCaptureFixture) -> None:
        """Id, action, stage, weights and reason in one line; louder where people are wanted."""
        caplog.set_level(logging.INFO)
        await LogActuator().apply(decode(decided(4, 2.5, reason="errors are fine")))
        await LogActuator().apply(decode(decided(5, 2.5, reason="nobody answers", escalate=True)))
        assert [(record.levelname, record.message) for record in caplog.records] == [
            ("INFO", "checkout-v2:1:4 advance at canary: stable 97.5%, canary 2.5%: errors are fine"),
            ("WARNING", "checkout-v2:1:5 advance at canary: stable 97.5%, canary 2.5%: nobody answers"),
        ]


class TestFileActuator(ActuatorContract):
    """The file."""

    def make(self, folder: Path) -> Actuator:
        """A file in the folder."""
        return FileActuator(folder / "weights.json")

    async def test_what_it_writes(self, tmp_path: Path) -> None:
        """One object by rollout; nothing but the file is left in the folder."""
        actuator = FileActuator(tmp_path / "weights.json")
        await actuator.apply(decode(decided(4, 12.5)))
        await actuator.apply(decode(decided(1, 0, rollout="another")))
        entry = {
            "weights": {"stable": 87.5, "canary": 12.5},
            "stage": "canary",
            "epoch": 1,
            "sequence": 4,
            "id": "checkout-v2:1:4",
            "action": "advance",
            "reason": "because",
        }
        assert names(tmp_path) == ["weights.json"]
        content = json.loads((tmp_path / "weights.json").read_text())
        assert (content.keys(), content["checkout-v2"]) == ({"another", "checkout-v2"}, entry)

    async def test_it_remembers_across_restarts(self, tmp_path: Path) -> None:
        """After a restart what is older than the file is rejected, and the file stays as it is."""
        path = tmp_path / "weights.json"
        await FileActuator(path).apply(decode(decided(4, 0, action=Action.ROLLBACK)))
        before = path.read_bytes()
        restarted = FileActuator(path)
        assert restarted.last_applied() == {"checkout-v2": (1, 4)}
        ack = await Executor(restarted, lambda: NOW).carry_out(decode(decided(3, 50)))
        assert (ack.status, path.read_bytes()) == ("rejected", before)
        with pytest.raises(ValueError, match="already has 1:4, which is newer"):
            await restarted.apply(decode(decided(3, 50)))

    async def test_many_rollouts_at_once(self, tmp_path: Path) -> None:
        """Applies that run at the same time lose nothing of each other."""
        actuator = FileActuator(tmp_path / "weights.json")
        orders = [decode(decided(1, n, rollout=f"r{n}")) for n in range(20)]
        observed = await asyncio.gather(*(actuator.apply(wanted) for wanted in orders))
        assert [weights["canary"] for weights in observed] == list(range(20))
        assert actuator.last_applied() == {f"r{n}": (1, 1) for n in range(20)}

    async def test_a_failed_write_leaves_the_old_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A disk that is full fails the apply; the file and its folder are as before."""
        path = tmp_path / "weights.json"
        actuator = FileActuator(path)
        await actuator.apply(decode(decided(1, 10)))
        before = path.read_bytes()

        def full(_number: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("os.fsync", full)
        ack = await Executor(actuator, lambda: NOW).carry_out(decode(decided(2, 50)))
        assert (ack.status, ack.reason) == ("failed", "OSError: [Errno 28] No space left on device")
        assert (names(tmp_path), path.read_bytes()) == (["weights.json"], before)

    def test_what_is_no_such_file_is_refused(self, tmp_path: Path) -> None:
        """A file of something else is not overwritten, and a missing folder is an error at once."""
        (tmp_path / "other.json").write_text('{"a": 1}')
        with pytest.raises(ValueError, match=r"other.json is not a file of wanted weights"):
            FileActuator(tmp_path / "other.json")
        with pytest.raises(FileNotFoundError, match="no such folder"):
            FileActuator(tmp_path / "none" / "weights.json")


class Custom:
    """An actuator whose apply is given."""

    name = "custom"

    def __init__(self, observed: Mapping[str, float], takes_s: float = 0.0) -> None:
        self._observed = observed
        self._takes_s = takes_s

    async def apply(self, wanted: Wanted) -> Mapping[str, float]:
        """Take long, and give what was given."""
        await asyncio.sleep(self._takes_s)
        return self._observed


async def test_an_apply_has_its_time() -> None:
    """One that takes longer has failed; its ack has the reason."""
    ack = await Executor(Custom({}, takes_s=60.0), lambda: NOW, timeout_s=0.01).carry_out(decode(decided(1, 1)))
    assert (ack.status, ack.reason) == ("failed", "cancelled: not applied within 0.01 s, or a rollback came first")


async def test_an_apply_makes_way_for_a_rollback() -> None:
    """What hangs is given up for a newer order, not for itself or an older one; and asking twice is no error."""
    executor = Executor(Custom({}, takes_s=60.0), lambda: NOW)
    hanging = asyncio.create_task(executor.carry_out(decode(decided(2, 1))))
    await asyncio.sleep(0)
    for sequence in (1, 2):
        executor.interrupt_for(decode(decided(sequence, 0)))
    await asyncio.sleep(0.01)
    assert not hanging.done()
    for sequence in (3, 3):
        executor.interrupt_for(decode(decided(sequence, 0)))
        await asyncio.sleep(0)
    assert (await hanging).status == "failed"


@pytest.mark.parametrize("nonsense", [float("nan"), float("inf"), -1.0, 100.5])
async def test_observations_are_checked(nonsense: float) -> None:
    """What cannot be a share of traffic is not acked as one."""
    ack = await Executor(Custom({"canary": nonsense}), lambda: NOW).carry_out(decode(decided(1, 1)))
    assert (ack.status, ack.weights) == ("failed", {})


async def test_the_ack_is_what_the_sequencer_reads() -> None:
    """The journal's codec takes an ack's bytes, every field."""
    ack = await Executor(LogActuator(), lambda: NOW).carry_out(decode(decided(1, 25)))
    read = journal.decode(ack.encoded())
    assert read == journal.Ack(
        id="checkout-v2:1:1",
        rollout="checkout-v2",
        epoch=1,
        sequence=1,
        actuator="log",
        status="applied",
        weights={"stable": 75.0, "canary": 25.0},
        at=NOW,
    )
