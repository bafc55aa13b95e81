"""The actuator that writes a file passes the contract; the file is whole at any time, and never goes back."""

import asyncio
import contextlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.actuators import Actuator, FileActuator, Wanted, file
from connectors.actuators.executor import Executor, OnDeviation
from connectors.actuators.wanted import decode
from gates.decisions import Action
from tests.connectors.actuators.contract import NOW, ActuatorContract, decided

BOTH = ["weights.json", "weights.json.known"]


def names(folder: Path) -> list[str]:
    """What is in a folder."""
    return sorted(path.name for path in folder.iterdir())


class TestFileActuator(ActuatorContract):
    """The file."""

    def make(self, folder: Path) -> Actuator:
        """A file in the folder."""
        return FileActuator(folder / "weights.json")

    async def test_what_it_writes(self, tmp_path: Path) -> None:
        """One object by rollout; nothing but the file and the known orders is left in the folder."""
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
        assert names(tmp_path) == BOTH
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
        assert (names(tmp_path), path.read_bytes()) == (BOTH, before)

    async def test_two_processes_lose_nothing_of_each_other(self, tmp_path: Path) -> None:
        """Each has read the file before the other wrote; whatever one confirms is in the file."""
        pair = [FileActuator(tmp_path / "weights.json") for _ in range(2)]
        orders = [decode(decided(1, n, rollout=f"r{n}")) for n in range(100)]
        await asyncio.gather(*(pair[n % 2].apply(wanted) for n, wanted in enumerate(orders)))
        assert pair[0].last_applied() == {f"r{n}": (1, 1) for n in range(100)}
        assert names(tmp_path) == BOTH

    async def test_what_is_not_in_the_file_is_not_confirmed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Another program, which does not lock, replaces the file right after."""

        def replace(path: Path, _entries: object) -> None:
            path.write_text("{}")

        monkeypatch.setattr(file, "replace", replace)
        ack = await Executor(FileActuator(tmp_path / "weights.json"), lambda: NOW).carry_out(decode(decided(1, 10)))
        assert (ack.status, ack.weights) == ("failed", {})
        assert ack.reason.endswith("weights.json was replaced by another program at the same time")

    @pytest.mark.parametrize("lost", [None, "", "{}", "{not JSON"])
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
        assert names(tmp_path) == sorted([*BOTH, *(["weights.json.damaged"] if lost == "{not JSON" else [])])

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

    @pytest.mark.parametrize("how", ["restore", "report"])
    async def test_a_process_that_dies_while_it_writes(self, tmp_path: Path, how: OnDeviation) -> None:
        """Between the known orders and the file: the next one carries the order out, and nothing older."""
        path = tmp_path / "weights.json"
        actuator = FileActuator(path)
        await actuator.apply(decode(decided(1, 50)))
        before = path.read_bytes()
        await actuator.apply(decode(decided(2, 0, action=Action.ROLLBACK)))
        path.write_bytes(before)
        executor = Executor(FileActuator(path), lambda: NOW, on_deviation=how)
        older = await executor.carry_out(decode(decided(1, 50)))
        ack = await executor.carry_out(decode(decided(2, 0, action=Action.ROLLBACK)))
        assert (ack.status, shares(path)) == ("applied", {"checkout-v2": 0})
        assert older.status == ("failed" if how == "restore" else "applied")

    @pytest.mark.parametrize("fresh", [None, "", " \n"])
    def test_what_an_empty_file_is(self, tmp_path: Path, fresh: str | None) -> None:
        """As good as none, also at the start."""
        if fresh is not None:
            (tmp_path / "weights.json").write_text(fresh)
        assert FileActuator(tmp_path / "weights.json").last_applied() == {}

    def test_what_cannot_be_written_is_refused(self, tmp_path: Path) -> None:
        """At the start: a folder without files of one's own, a folder as the file, and a device, which stays one."""
        for path in ("/proc/weights.json", tmp_path, "/dev/null"):
            with pytest.raises(OSError, match=r"/proc/weights.json cannot be written|not a regular file"):
                FileActuator(path)
        assert Path("/dev/null").is_char_device()

    def test_a_damaged_file_of_an_actuator_is_no_reason_to_end(self, tmp_path: Path) -> None:
        """After a restart the next order mends it."""
        path = tmp_path / "weights.json"
        for rollout in ("one", "two"):
            asyncio.run(FileActuator(path).apply(decode(decided(1, 10, rollout=rollout))))
        path.write_text("{not JSON")
        restarted = FileActuator(path)
        assert restarted.last_applied() == {}
        asyncio.run(restarted.apply(decode(decided(1, 10, rollout="two"))))
        assert restarted.last_applied() == {"one": (1, 1), "two": (1, 1)}


def give(path: Path, rollout: str, token: int, canary: float) -> None:
    """Edit an entry by hand."""
    content = json.loads(path.read_text())
    content[rollout] |= {"sequence": token, "weights": {"stable": 100 - canary, "canary": canary}}
    path.write_text(json.dumps(content))


def shares(path: Path) -> dict[str, float]:
    """The candidate's weight by rollout."""
    return {rollout: entry["weights"]["canary"] for rollout, entry in json.loads(path.read_text()).items()}


class TestTwoOwners:
    """Two processes keep one file, each for a rollout of its own."""

    @pytest.fixture
    async def pair(self, tmp_path: Path) -> tuple[FileActuator, FileActuator]:
        """The first has rolled its rollout back after the second wrote."""
        x, y = (FileActuator(tmp_path / "weights.json") for _ in range(2))
        await x.apply(decode(decided(1, 50, rollout="r1")))
        await y.apply(decode(decided(1, 20, rollout="r2")))
        await x.apply(decode(decided(2, 0, rollout="r1", action=Action.ROLLBACK)))
        return x, y

    @pytest.mark.parametrize("lost", [None, "", "{not JSON"])
    async def test_a_lost_file_never_goes_back(
        self, tmp_path: Path, pair: tuple[FileActuator, FileActuator], lost: str | None
    ) -> None:
        """The other process writes it again, with the rollback that it never received itself."""
        lose(tmp_path / "weights.json", lost)
        await pair[1].apply(decode(decided(1, 20, rollout="r2")))
        assert shares(tmp_path / "weights.json") == {"r1": 0, "r2": 20}

    @pytest.mark.parametrize("lost", [None, "", "{not JSON"])
    @pytest.mark.parametrize("known", [None, "{not JSON"])
    async def test_with_the_known_orders_lost_too_each_owner_writes_its_own(
        self, tmp_path: Path, pair: tuple[FileActuator, FileActuator], lost: str | None, known: str | None
    ) -> None:
        """A rollout is missing until its owner's next look, rather than raised after a rollback."""
        path = tmp_path / "weights.json"
        x, y = (Executor(actuator, lambda: NOW) for actuator in pair)
        await y.carry_out(decode(decided(1, 20, rollout="r2")))
        await x.carry_out(decode(decided(2, 0, rollout="r1", action=Action.ROLLBACK)))
        lose(path, lost)
        lose(path.with_name("weights.json.known"), known)
        await y.check("r2")
        assert shares(path) == {"r2": 20}
        await x.check("r1")
        assert shares(path) == {"r1": 0, "r2": 20}
        path.unlink()
        await y.check("r2")
        assert shares(path) == {"r1": 0, "r2": 20}

    async def test_an_order_that_another_process_has_replaced_is_not_restored(
        self, tmp_path: Path, pair: tuple[FileActuator, FileActuator]
    ) -> None:
        """Of two processes with the same rollout the one that lags behind leaves the lost file to the other."""
        x, late = Executor(pair[0], lambda: NOW), Executor(FileActuator(tmp_path / "weights.json"), lambda: NOW)
        await late.carry_out(decode(decided(2, 0, rollout="r1", action=Action.ROLLBACK)))
        await x.carry_out(decode(decided(3, 0, rollout="r1")))
        assert await late.check("r1") is None
        for name in BOTH:
            (tmp_path / name).unlink()
        assert await late.check("r1") is None
        with pytest.raises(ValueError, match="already has 1:3, which is newer"):
            await late._actuator.apply(decode(decided(2, 50, rollout="r1")))
        assert names(tmp_path) == []


def lose(path: Path, content: str | None) -> None:
    """Delete the file, or damage it."""
    if content is None:
        path.unlink()
    else:
        path.write_text(content)


class TestTokensRaisedByHand:
    """Somebody gives an entry another sequence, not only other weights."""

    async def test_it_is_a_deviation(self, tmp_path: Path) -> None:
        """No actuator wrote it, as the known orders show: it is put right, and blocks no rollback."""
        path = tmp_path / "weights.json"
        executor = Executor(FileActuator(path), lambda: NOW)
        await executor.carry_out(decode(decided(3, 10)))
        give(path, "checkout-v2", 99, 100)
        ack = await executor.check("checkout-v2")
        assert ack is not None
        assert (ack.status, ack.weights, shares(path)) == ("applied", {"stable": 90, "canary": 10}, {"checkout-v2": 10})
        assert ack.reason.startswith("applied again: the weights in force were changed to canary 100%")

    async def test_it_is_reported_and_the_next_order_replaces_it(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Where deviations are left; also after a restart."""
        path = tmp_path / "weights.json"
        await FileActuator(path).apply(decode(decided(3, 10)))
        give(path, "checkout-v2", 99, 100)
        executor = Executor(FileActuator(path), lambda: NOW, on_deviation="report")
        left = await executor.carry_out(decode(decided(3, 10)))
        assert (left.status, left.weights) == ("failed", {"stable": 0, "canary": 100})
        ack = await executor.carry_out(decode(decided(4, 0, action=Action.ROLLBACK)))
        assert (ack.status, shares(path)) == ("applied", {"checkout-v2": 0})
        assert "checkout-v2:1:99, which no actuator wrote; it is replaced" in caplog.text

    async def test_without_known_orders_it_is_refused_with_the_way_out(self, tmp_path: Path) -> None:
        """Another process may have written it."""
        path = tmp_path / "weights.json"
        executor = Executor(FileActuator(path), lambda: NOW)
        await executor.carry_out(decode(decided(3, 10)))
        give(path, "checkout-v2", 99, 100)
        path.with_name("weights.json.known").unlink()
        looked = await executor.check("checkout-v2")
        ack = await executor.carry_out(decode(decided(4, 0, action=Action.ROLLBACK)))
        assert looked is not None
        assert (looked.status, ack.status, shares(path)) == ("failed", "failed", {"checkout-v2": 100})
        words = "already has 1:99, which is newer; if the gate never gave that order"
        assert [words in text for text in (looked.reason, ack.reason, str(executor.unapplied))] == [True] * 3
        path.write_text("{}")
        again = await executor.check("checkout-v2")
        assert again is not None
        assert (again.id, again.status, str(executor.unapplied)) == ("checkout-v2:1:4", "applied", "")


class TestLinks:
    """The path is a link."""

    async def test_it_is_followed_each_time(self, tmp_path: Path) -> None:
        """A deploy points it at another file, and then puts a plain one there: what is confirmed is in force there."""
        link, targets = tmp_path / "link.json", [tmp_path / "v1.json", tmp_path / "v2.json"]
        link.symlink_to(targets[0])
        executor = Executor(FileActuator(link), lambda: NOW)
        await executor.carry_out(decode(decided(1, 50)))
        targets[1].write_bytes(targets[0].read_bytes())
        give(targets[1], "checkout-v2", 1, 100)
        point(link, targets[1])
        ack = await executor.check("checkout-v2")
        assert ack is not None
        assert (ack.status, shares(link)) == ("applied", {"checkout-v2": 50})
        give(targets[1], "checkout-v2", 1, 100)
        content = targets[1].read_bytes()
        link.unlink()
        link.write_bytes(content)
        ack = await executor.carry_out(decode(decided(2, 0, action=Action.ROLLBACK)))
        assert (ack.status, shares(link), link.is_symlink()) == ("applied", {"checkout-v2": 0}, False)
        assert [shares(target)["checkout-v2"] for target in targets] == [50, 100]

    async def test_a_link_stays_one(self, tmp_path: Path) -> None:
        """Also one that leads to nothing yet; its file is replaced."""
        link = tmp_path / "link.json"
        link.symlink_to(tmp_path / "v1.json")
        await FileActuator(link).apply(decode(decided(1, 50)))
        assert (link.is_symlink(), shares(tmp_path / "v1.json")) == (True, {"checkout-v2": 50})

    async def test_what_it_points_at_by_mistake_stays(self, tmp_path: Path) -> None:
        """A file of something else is neither replaced nor moved, though a damaged file of our own is."""
        link, other = tmp_path / "link.json", tmp_path / "other"
        link.symlink_to(tmp_path / "v1.json")
        executor = Executor(FileActuator(link), lambda: NOW)
        await executor.carry_out(decode(decided(1, 50)))
        other.write_text("something else")
        point(link, other)
        ack = await executor.check("checkout-v2")
        assert ack is not None
        assert (ack.status, other.read_text()) == ("failed", "something else")
        assert names(tmp_path) == ["link.json", "other", "v1.json", "v1.json.known"]

    async def test_it_is_pointed_elsewhere_before_the_lock(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The lock would be that of another folder: nothing is written."""
        link = tmp_path / "link.json"
        actuator = FileActuator(link)

        @contextlib.contextmanager
        def moved(_folder: Path) -> Iterator[None]:
            link.symlink_to(tmp_path / "v2.json")
            yield

        monkeypatch.setattr(file, "locked", moved)
        with pytest.raises(OSError, match="was pointed at another file at the same time"):
            await actuator.apply(decode(decided(1, 50)))
        assert names(tmp_path) == ["link.json"]


def point(link: Path, target: Path) -> None:
    """Point a link elsewhere, at once."""
    link.with_name("new").symlink_to(target)
    link.with_name("new").replace(link)


class Story:
    """Two processes with a rollout each, and a file that is lost now and then."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "weights.json"
        self.known = folder / "weights.json.known"
        self.owners = {name: self.started() for name in "xy"}
        self.newest: dict[str, Wanted] = {}

    def started(self) -> Executor:
        """A process without a memory."""
        return Executor(FileActuator(self.path), lambda: NOW)

    async def step(self, what: str, name: str) -> None:
        """What happens next."""
        match what:
            case "order":
                sequence = self.newest[name].sequence + 1 if name in self.newest else 1
                self.newest[name] = decode(decided(sequence, 10, rollout=name))
                assert (await self.owners[name].carry_out(self.newest[name])).status == "applied"
            case "look":
                await self.owners[name].check(name)
            case "restart":
                self.owners[name] = self.started()
            case "damage" if self.known.exists():
                self.path.write_text("{")
            case "delete":
                self.path.unlink(missing_ok=True)
            case "delete both":
                self.path.unlink(missing_ok=True)
                self.known.unlink(missing_ok=True)

    def held(self) -> dict[str, int]:
        """The sequence of each rollout that the file has."""
        try:
            return {name: entry["sequence"] for name, entry in json.loads(self.path.read_text()).items()}
        except (FileNotFoundError, json.JSONDecodeError):
            return {}


WHAT = ["order", "order", "look", "restart", "damage", "delete", "delete both"]


@given(st.lists(st.tuples(st.sampled_from(WHAT), st.sampled_from("xy")), max_size=15))
@settings(max_examples=60, deadline=None)
def test_a_file_never_goes_back(steps: list[tuple[str, str]]) -> None:
    """Whatever is lost and whoever starts again: what is there is the newest, and after each owner's turn all is."""

    async def played(folder: Path) -> None:
        story = Story(folder)
        for what, name in steps:
            await story.step(what, name)
            newest = {name: order.sequence for name, order in story.newest.items()}
            assert story.held().items() <= newest.items()
            if what == "order" and story.known.exists() and "delete both" not in [done for done, _ in steps]:
                assert story.held() == newest
        for name, order in story.newest.items():
            assert (await story.owners[name].carry_out(order)).status == "applied"
        assert story.held() == {name: order.sequence for name, order in story.newest.items()}

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(played(Path(folder)))
