"""Known orders: what the disk has, what it gets again after a loss, and what stays unknown."""

from pathlib import Path

from connectors.actuators.known_orders import KnownOrders, known_beside, newer
from connectors.actuators.target_file import Entry
from connectors.actuators.wanted import decode
from tests.connectors.actuators.contract import decided


def order(sequence: int) -> Entry:
    """An order of a rollout."""
    return Entry.of(decode(decided(sequence, sequence)))


def test_processes_share_them(tmp_path: Path) -> None:
    """The newest of each rollout; what one has read it keeps, but its own are only those that it carried out."""
    target, one, two = tmp_path / "weights.json", KnownOrders(), KnownOrders()
    one.add(target, "r1", order(1), {})
    two.add(target, "r2", order(1), {})
    one.add(target, "r1", order(2), {})
    assert two.read(target) == {"r1": order(2), "r2": order(1)}
    assert (two.own, two.get("r1"), two.get("r3")) == ({"r2"}, order(2), None)


def test_memory_does_not_go_back(tmp_path: Path) -> None:
    """Somebody puts an old copy in place."""
    target, known = tmp_path / "weights.json", KnownOrders()
    known.add(target, "r1", order(1), {})
    before = known_beside(target).read_bytes()
    known.add(target, "r1", order(2), {})
    known_beside(target).write_bytes(before)
    assert known.read(target) == {"r1": order(1)}
    assert known.newest(["r1"]) == {"r1": order(2)}


def test_after_a_loss_the_own_orders_are_written_again(tmp_path: Path) -> None:
    """Unless the target has a newer one: another process may have given it."""
    target, known = tmp_path / "weights.json", KnownOrders()
    for rollout in ("r1", "r2", "r3"):
        known.add(target, rollout, order(1), {})
    known_beside(target).write_text("{")
    known.add(target, "r3", order(2), {"r1": order(1), "r2": order(2)})
    assert known.read(target) == {"r1": order(1), "r3": order(2)}


def test_a_repeat_writes_nothing(tmp_path: Path) -> None:
    """The file stays the same one."""
    target, known = tmp_path / "weights.json", KnownOrders()
    known.add(target, "r1", order(1), {})
    before = known_beside(target).stat().st_ino
    known.add(target, "r1", order(1), {})
    assert known_beside(target).stat().st_ino == before


def test_which_is_newer() -> None:
    """None is not."""
    assert [newer(one, order(2)) for one in (None, order(1), order(2), order(3))] == [False, False, False, True]
