"""The actuator that writes a file passes the contract; the file is whole at any time, and never goes back."""

import asyncio
import json
from pathlib import Path

import pytest

from connectors.actuators import Actuator, FileActuator
from connectors.actuators.executor import Executor
from connectors.actuators.wanted import decode
from gates.decisions import Action
from tests.connectors.actuators.contract import NOW, ActuatorContract, decided


def names(folder: Path) -> list[str]:
    """What is in a folder."""
    return sorted(path.name for path in folder.iterdir())


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
