"""Orders that are not in force: what health shows stays short."""

from connectors.actuators.unapplied import Unapplied


def test_many_are_counted() -> None:
    """The first are named, with a bounded reason each."""
    unapplied = Unapplied()
    for number in range(5):
        unapplied.note(f"r{number}", f"r{number} " + "x" * 1_000)
    shown = str(unapplied)
    assert [part[:2] for part in shown.split("; ")] == ["r0", "r1", "r2", "an"]
    assert shown.endswith("; and 2 rollouts more")
    assert len(shown) < 1_000


def test_what_is_in_force_is_not_shown() -> None:
    """Each note is news if it differs from the one before."""
    unapplied = Unapplied()
    assert [unapplied.note("r1", why) for why in ("a", "a", "b")] == [True, False, True]
    unapplied.clear("r1")
    unapplied.clear("r1")
    assert (str(unapplied), unapplied.note("r1", "b")) == ("", True)
