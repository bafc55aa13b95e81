"""The newest order in words."""

from streams.views.orders import confirmation_text, is_confirmed, is_overdue, last_confirmed_text
from tests.streams.views import stories


def test_a_confirmed_order_shows_later_trouble() -> None:
    """What was done stays done; who confirmed it is named, and what is wrong since then."""
    status, _ = stories.story(
        *stories.both_confirm(1_000, 1, stories.FIRST),
        stories.ack(2_000, 1, "haproxy-us", "failed", {}, "gone"),
        bad_from=None,
        seconds=4,
    )
    assert (is_confirmed(status), is_overdue(status)) == (True, False)
    assert confirmation_text(status) == "confirmed by haproxy-eu, haproxy-us: haproxy-us failed: gone"


def test_an_actuator_that_observes_other_weights() -> None:
    """It did not confirm, although it reported `applied`."""
    status, _ = stories.story(stories.ack(1_000, 1, "log", "applied", {"stable": 99, "canary": 1}), names=(), seconds=2)
    assert confirmation_text(status) == (
        "not confirmed, try 2 of 3: log observes other weights (stable 99%, canary 1%)"
    )
    assert last_confirmed_text(status) == "none in this epoch"


def test_an_ack_of_an_older_order_confirms_nothing() -> None:
    """The rollback is unconfirmed, however late the first stage is reported as applied."""
    status, decisions = stories.story(
        *stories.both_confirm(1_000, 1, stories.FIRST), *stories.both_confirm(9_000, 1, stories.FIRST)
    )
    assert decisions[-1]["action"] == "rollback"
    assert (is_confirmed(status), status["confirmed"]) == (False, False)
    assert "haproxy-eu has not reported; haproxy-us has not reported" in confirmation_text(status)


def test_when_all_tries_are_used_up() -> None:
    """After the last of them, or where nothing is sent again any more."""
    status, _ = stories.half_confirmed()
    assert (is_overdue(status), is_overdue(stories.overdue()[0])) == (False, True)
    assert is_overdue({**status, "order": {**status["order"], "due": None}})
    assert is_overdue({**status, "order": None})


def test_a_rollback_that_is_decided_again_gets_the_time_of_one_try() -> None:
    """Its first try ends with the reports of all that are needed, or with the second try."""
    order = stories.failed()[0]["order"] | {"overdue": True}
    first, second = order["reports"]
    for tries, reports, overdue in ((1, [], False), (1, [first], False), (1, [first, second], True), (2, [], True)):
        assert is_overdue({"order": {**order, "tries": tries, "reports": reports}}) is overdue


def test_text_from_actuators_cannot_control_the_terminal() -> None:
    """Names and reasons are shown in printable characters only."""
    status, _ = stories.story(
        stories.ack(500, 1, "\x1b[2J", "applied", stories.FIRST),
        stories.ack(600, 1, "x", "failed", {}, "\x1b[2J"),
        names=(),
        seconds=2,
    )
    assert (confirmation_text(status) + last_confirmed_text(status)).isprintable()
