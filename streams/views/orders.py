"""The newest order of a status in words: who confirmed it, who failed and with what words, and which try it is.

An order is done once it is confirmed. What actuators reported on an older order never describes the newest one.
"""

from __future__ import annotations

from collections.abc import Iterator

from gates.machine.orders import NOBODY_REPORTED, ActuatorReport, Order
from streams.views.wording import Document, printable, utc, weights_text

NO_ORDER = "no order of weights yet"
UNKNOWN = "who confirmed it is unknown: the status was written by an earlier version"


def is_confirmed(status: Document) -> bool:
    """Whether the newest order is confirmed.

    In a status of an earlier version `confirmed` speaks of the stage, and stays true after a rollback that no actuator
    carried out. Such a status has no `order`, and counts as unconfirmed.
    """
    order = status.get("order")
    return order is not None and bool(order["confirmed"])


def is_overdue(status: Document) -> bool:
    """Whether all tries of the unconfirmed order are used up, or the status shows no order that is sent again.

    A rollback whose tries are used up is decided again, as a new order without reports. Its actuators are given the
    time of its first try, so that who fails, and with what words, can be shown.
    """
    order = status.get("order")
    if order is None or order["confirmed"]:
        return order is None
    return order["due"] is None or (bool(order["overdue"]) and not _is_fresh(order))


def _is_fresh(order: Document) -> bool:
    """Whether the order was sent once, and a report on it is still to come."""
    reported = {report["actuator"] for report in order["reports"]}
    return bool(order["tries"] == 1 and (not reported or not reported.issuperset(order["waiting_for"])))


def _problems(order: Document) -> list[str]:
    """What actuators reported instead of a confirmation, and which needed ones have not reported."""
    fields = ("actuator", "status", "reason", "weights", "at", "confirms")
    reports = [ActuatorReport(*(report[name] for name in fields)) for report in order["reports"]]
    known = Order(0, {}, tuple(order["waiting_for"]), {report.actuator: report for report in reports})
    return [printable(text) for text in known.problems]


def tries_text(order: Document) -> str:
    """Which try of how many it is.

    >>> tries_text({"tries": 2, "of": 5, "overdue": False}), tries_text({"tries": 1, "of": 5, "overdue": True})
    ('try 2 of 5', '5 tries used up')
    """
    return f"{order['of']} tries used up" if order["overdue"] else f"try {order['tries']} of {order['of']}"


def confirmation_lines(status: Document) -> Iterator[str]:
    """Whether the newest order is confirmed; then, a line each, who confirmed it and what others reported."""
    order = status.get("order")
    if order is None:
        yield UNKNOWN if status["weights"] and "order" not in status else NO_ORDER
    elif order["confirmed"]:
        yield f"confirmed by {_names(status['in_force']['actuators'])}"
        yield from _problems(order)
    else:
        yield f"not confirmed, {tries_text(order)}"
        yield from missing_lines(order)


def missing_lines(order: Document) -> Iterator[str]:
    """Of an unconfirmed order: who confirmed it, who failed with what words, who has not reported."""
    if order["confirmed_by"]:
        yield f"confirmed by {_names(order['confirmed_by'])} only"
    yield from _problems(order) or [NOBODY_REPORTED]


def confirmation_text(status: Document) -> str:
    """The same in one line.

    >>> confirmation_text({"weights": {}, "order": None})
    'no order of weights yet'
    """
    first, *rest = confirmation_lines(status)
    return f"{first}: {'; '.join(rest)}" if rest else first


def unconfirmed_text(status: Document) -> str:
    """The unconfirmed order, its weights, which try it is, and what is missing: to be read after "needs" or "lacks".

    >>> unconfirmed_text({"order": None, "weights": {}})
    'confirmation of the ordered weights: no order of weights yet'
    """
    order = status.get("order")
    if order is None:
        return f"confirmation of the ordered weights: {confirmation_text(status)}"
    name = f"order {printable(order['id'])} ({weights_text(order['weights'])})"
    return f"confirmation of {name}, {tries_text(order)}: {'; '.join(missing_lines(order))}"


def doubled_lines(status: Document) -> list[str]:
    """A line for each name that two actuators have.

    >>> doubled_lines({"doubled_actuators": ["haproxy"]}), doubled_lines({})
    (['two actuators are named haproxy'], [])
    """
    return [f"two actuators are named {printable(name)}" for name in status.get("doubled_actuators") or ()]


def last_confirmed_text(status: Document) -> str:
    """The weights that were last confirmed in this epoch, by whom and when; "none" before the first confirmation."""
    known = status.get("in_force")
    if known is None:
        return "none in this epoch"
    return f"{weights_text(known['weights'])}, by {_names(known['actuators'])}, since {utc(known['at'] // 1000 * 1000)}"


def _names(actuators: list[str]) -> str:
    """Sorted: a text that changes with the order of acks would be a new line of `watch`."""
    return ", ".join(sorted(printable(name) for name in actuators))
