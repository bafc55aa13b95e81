"""What a command claims of an order: it is done once it is confirmed, not once it is decided."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from streams.cli.failures import ROLLED_BACK, UNCONFIRMED, Failure
from streams.views.orders import is_confirmed, is_overdue, unconfirmed_text
from streams.views.wording import phase_name, printable

if TYPE_CHECKING:
    from streams.operator_client.status_view import StatusView
    from streams.views.wording import Document

UNSENT_MS = 60_000
"""An order that is overdue by this long is not sent again: no worker runs."""


@dataclass(slots=True)
class WatchedEnd:
    """The end of a watched rollout: decided first, done once it is confirmed.

    Without `timeout_s` an unconfirmed end is given up once all tries of its order are used up, or once no worker sends
    it any more; with it, after that time.
    """

    timeout_s: float | None = None
    _deadline: float | None = field(default=None, init=False)

    def exit_code(self, status: Document, now_ms: int) -> int | None:
        """The exit code for this status of an ended rollout; None while its confirmation is waited for."""
        from streams.operator_client.status_view import was_promoted

        if is_confirmed(status):
            return 0 if was_promoted(status) else ROLLED_BACK
        return UNCONFIRMED if self._given_up(status, now_ms) else None

    def _given_up(self, status: Document, now_ms: int) -> bool:
        if self.timeout_s is None:
            return is_overdue(status) or now_ms - status["order"]["due"] > UNSENT_MS
        clock = asyncio.get_running_loop().time()
        if self._deadline is None:
            self._deadline = clock + self.timeout_s
        return clock >= self._deadline


async def require_confirmation(view: StatusView, decision: Document, wait_s: float) -> None:
    """Return once the newest order is confirmed, that of the decision or one that has replaced it.

    Raises:
        Failure: it was not confirmed within this time, or all its tries are used up.
    """
    rollout, place = decision["rollout"], (decision["epoch"], decision["sequence"])

    def is_settled() -> bool | None:
        status = view.status(rollout)
        return (_place(status) >= place and (is_confirmed(status) or is_overdue(status))) or None

    await view.wait_for(is_settled, wait_s)
    status = view.status(rollout)
    if _place(status) < place:
        known = f"{decision['action']} is decided ({decision['id']}), but no status of it has arrived"
        raise Failure(f"{known}, so it is unknown whether it is confirmed; check that a judge runs", UNCONFIRMED)
    if not is_confirmed(status):
        raise Failure(unconfirmed_end(status), UNCONFIRMED)


def _place(status: Document) -> tuple[int, int]:
    """Epoch and sequence of the last decision that the status is of; decisions and statuses are on topics apart."""
    last = status["decision"]
    return status["epoch"], 0 if last is None else int(last.rsplit(":", 1)[1])


def unconfirmed_end(status: Document) -> str:
    """That a decided end is not confirmed, what it lacks, and what to do."""
    rollout = printable(status["rollout"])
    return (
        f"{rollout} is {phase_name(status)}, but lacks {unconfirmed_text(status)}; actual weights are unknown: check "
        f"the actuators and the router; `sluicegate rollout watch {rollout} --timeout SECONDS` waits on"
    )
