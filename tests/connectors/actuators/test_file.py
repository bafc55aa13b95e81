"""The actuator that writes a file passes the contract; the file is whole at any time, and never goes back."""

import asyncio
import json
from pathlib import Path

import pytest

from connectors.actuators import Actuator, FileActuator, file
from connectors.actuators.executor import Executor, OnDeviation
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

    async def test_two_processes_lose_nothing_of_each_other(self, tmp_path: Path) -> None:
        """Each has read the file before the other wrote; whatever one confirms is in the file."""
        pair = [FileActuator(tmp_path / "weights.json") for _ in range(2)]
        orders = [decode(decided(1, n, rollout=f"r{n}")) for n in range(100)]
        await asyncio.gather(*(pair[n % 2].apply(wanted) for n, wanted in enumerate(orders)))
        assert pair[0].last_applied() == {f"r{n}": (1, 1) for n in range(100)}
        assert names(tmp_path) == ["weights.json"]

    async def test_what_is_not_in_the_file_is_not_confirmed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Another program, which does not lock, replaces the file right after."""

        def replace(path: Path, _content: bytes) -> None:
            path.write_text("{}")

        monkeypatch.setattr(file, "_replace", replace)
        ack = await Executor(FileActuator(tmp_path / "weights.json"), lambda: NOW).carry_out(decode(decided(1, 10)))
        assert (ack.status, ack.weights) == ("failed", {})
        assert ack.reason.endswith("weights.json was replaced by another program at the same time")

    async def test_a_lock_that_is_not_released(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """After its time the apply has failed, and the gate orders it again."""
        monkeypatch.setattr(file, "LOCK_S", 0.05)
        with file._locked(tmp_path), pytest.raises(TimeoutError, match="another process has held the lock"):
            await FileActuator(tmp_path / "weights.json").apply(decode(decided(1, 10)))

    async def test_a_folder_that_cannot_be_locked(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Some network file systems cannot: a warning."""

        def refused(_handle: int, _how: int) -> None:
            raise OSError(9, "Bad file descriptor")

        monkeypatch.setattr("fcntl.flock", refused)
        await FileActuator(tmp_path / "weights.json").apply(decode(decided(1, 10)))
        assert "only one process may write files in it" in caplog.text

    @pytest.mark.parametrize("lost", [None, "{}", "{not JSON"])
    async def test_a_file_that_was_lost_is_written_again_whole(self, tmp_path: Path, lost: str | None) -> None:
        """Deleted, emptied or damaged: the next order brings back the other rollouts too."""
        path = tmp_path / "weights.json"
        actuator = FileActuator(path)
        for rollout in ("one", "two"):
            await actuator.apply(decode(decided(1, 10, rollout=rollout)))
        if lost is None:
            path.unlink()
        else:
            path.write_text(lost)
        assert await actuator.observe(decode(decided(1, 10, rollout="one"))) == {}
        await actuator.apply(decode(decided(2, 20, rollout="two")))
        assert actuator.last_applied() == {"one": (1, 1), "two": (1, 2)}
        kept = ["weights.json", "weights.json.damaged"] if lost == "{not JSON" else ["weights.json"]
        assert names(tmp_path) == kept

    async def test_a_file_that_became_something_else_before_the_first_order(self, tmp_path: Path) -> None:
        """It was never ours, so it stays."""
        path = tmp_path / "weights.json"
        actuator = FileActuator(path)
        path.write_text("[1]")
        with pytest.raises(ValueError, match="is not a file of wanted weights"):
            await actuator.apply(decode(decided(1, 10)))
        assert path.read_text() == "[1]"

    @pytest.mark.parametrize("how", ["restore", "report"])
    async def test_weights_that_are_edited_by_hand(self, tmp_path: Path, how: OnDeviation) -> None:
        """They are noticed, and put right or left, also over a restart."""
        path = tmp_path / "weights.json"
        executor = Executor(FileActuator(path), lambda: NOW, on_deviation=how)
        await executor.carry_out(decode(decided(3, 10)))
        assert await executor.check("checkout-v2") is None
        content = json.loads(path.read_text())
        content["checkout-v2"]["weights"] = {"stable": 40, "canary": 60}
        path.write_text(json.dumps(content))
        ack = await executor.check("checkout-v2")
        again = await Executor(FileActuator(path), lambda: NOW, on_deviation=how).carry_out(decode(decided(3, 10)))
        assert ack is not None
        changed = "the weights in force were changed to canary 60%, stable 40%; the gate ordered canary 10%, stable 90%"
        if how == "restore":
            assert (ack.status, ack.reason) == ("applied", f"applied again: {changed}")
            assert (ack.weights, again.status) == ({"stable": 90, "canary": 10}, "applied")
        else:
            assert (ack.status, ack.reason) == (again.status, again.reason) == ("failed", changed)
            assert ack.weights == {"stable": 40, "canary": 60}
        assert json.loads(path.read_text())["checkout-v2"]["weights"] == ack.weights

    def test_what_is_no_such_file_is_refused(self, tmp_path: Path) -> None:
        """A file of something else is not overwritten, and a missing folder is an error at once."""
        (tmp_path / "other.json").write_text('{"a": 1}')
        with pytest.raises(ValueError, match=r"other.json is not a file of wanted weights"):
            FileActuator(tmp_path / "other.json")
        with pytest.raises(FileNotFoundError, match="no such folder"):
            FileActuator(tmp_path / "none" / "weights.json")
