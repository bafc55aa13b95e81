"""Words that several views share: times, weights, stages, phases."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any

from gates.documents.quantities import SECOND_MS, format_duration
from gates.machine.freezes import Frozen
from gates.text import LATEST_MS, clock_time, date_time, significant_text

Document = Mapping[str, Any]

MOST_SIMILAR = 5
"""How many similar names are listed for one that is unknown."""

USUAL_AGE_MS = 7_000
"""How old the newest judged pane gets at most with the default settings, in statuses of builds that do not write it."""

PANE_MS = 1_000
"""The default length of a pane, in statuses of older builds."""

AHEAD_MS = 60_000
"""A judgement further ahead of the clock here is shown as such: one of the clocks is wrong."""

DAY_MS = 86_400_000

EARLIEST_MS = -30_610_224_000_000
"""The beginning of the year 1000: earlier years have fewer digits. Times in topics may be of any size."""


def printable(text: object) -> str:
    r"""The text with control characters made visible: anyone who writes to a topic could control the terminal.

    >>> printable("all good\x1b[2J")
    'all good\ufffd[2J'
    """
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in str(text))


def stale_after(status: Document) -> int:
    """Milliseconds after which a running rollout is shown as not judged: twice as old as its judgement usually gets.

    Judging waits for late events (out-of-orderness), for a source partition that may be silent (idle timeout), and for
    the end of the pane.

    >>> stale_after({}), stale_after({"usual_age_ms": 35_000, "needs": {"pane_ms": 5_000}})
    (16000, 80000)
    """
    pane_ms: int = (status.get("needs") or {}).get("pane_ms", PANE_MS)
    return 2 * (int(status.get("usual_age_ms", USUAL_AGE_MS)) + pane_ms)


def weights_text(weights: Mapping[str, float]) -> str:
    """Weights in per cent, by cohort.

    >>> weights_text({"stable": 99, "canary": 1})
    'stable 99%, canary 1%'
    """
    return ", ".join(f"{printable(cohort)} {significant_text(share, 6)}%" for cohort, share in weights.items())


def whole_seconds(ms: int) -> str:
    """A duration to the second, rounded down.

    >>> whole_seconds(61_900)
    '1m1s'
    """
    return format_duration(max(0, ms) // SECOND_MS * SECOND_MS)


def utc(ms: int) -> str:
    """A time with its date, in UTC; fractions of a second only if there are any.

    >>> utc(1767225630000), utc(1767225630250)
    ('2026-01-01 00:00:30Z', '2026-01-01 00:00:30.250Z')
    """
    ms = _dated(ms)
    text = datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"{text}.{ms % 1000:03d}Z" if ms % 1000 else f"{text}Z"


def judged_text(event_time: int, now: int | None) -> str:
    """Until when a rollout is judged, with the date if that is not today, and how long ago that is.

    >>> judged_text(1767225630000, 1767225634000), judged_text(1767225630000, None)
    ('until 00:00:30Z, 4s ago', 'until 00:00:30Z')
    >>> judged_text(1767312030000, 1767225634000)
    'until 2026-01-02 00:00:30Z, 23h59m56s ahead of the clock here'
    """
    if now is None:
        return f"until {clock_time(event_time)}"
    until = clock_time(event_time) if _dated(event_time) // DAY_MS == now // DAY_MS else date_time(event_time)
    if event_time >= now + SECOND_MS:
        return f"until {until}, {whole_seconds(event_time - now)} ahead of the clock here"
    return f"until {until}, {whole_seconds(now - event_time)} ago"


def rfc3339(ms: int) -> str:
    """A time in RFC 3339, UTC, always with milliseconds, so that texts sort as times do.

    >>> rfc3339(1767225600123), rfc3339(-(10**15))
    ('2026-01-01T00:00:00.123Z', '1000-01-01T00:00:00.000Z')
    """
    ms = _dated(ms)
    time = datetime.fromtimestamp(ms // 1000, UTC)
    return f"{time:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def _dated(ms: int) -> int:
    """The nearest time that has a date."""
    return max(EARLIEST_MS, min(ms, LATEST_MS))


def phase_name(status: Document) -> str:
    """The phase without underscores.

    >>> phase_name({"phase": "rolled_back"})
    'rolled back'
    """
    return printable(status["phase"]).replace("_", " ")


def stage_progress(status: Document) -> str:
    """The stage, its number, and how much of its bake is done.

    >>> stage_progress({"stage": "tenth", "stage_index": 1, "stages": [{}, {}], "baked_ms": 61_000, "bake_ms": 300_000})
    'stage 2 of 2 (tenth), baked 1m1s of 5m'
    """
    place = f"stage {status['stage_index'] + 1} of {len(status['stages'])} ({printable(status['stage'])})"
    baked = min(status["baked_ms"], status["bake_ms"])
    return f"{place}, baked {whole_seconds(baked)} of {whole_seconds(status['bake_ms'])}"


def counted(number: int, noun: str) -> str:
    """A number with its noun.

    >>> counted(1, "stage"), counted(3_000, "event")
    ('1 stage', '3,000 events')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def similar(wanted: str, known: Collection[str]) -> str:
    """The known names most like the wanted one or, if none is like it, the last few.

    >>> similar("x", []), similar("serch", ["search", "cart"]), similar("x", ["search", "cart"])
    ('none', 'search', 'search, cart')
    """
    names = get_close_matches(wanted, known, MOST_SIMILAR) or list(known)[-MOST_SIMILAR:]
    return ", ".join(printable(name) for name in names) or "none"


def freeze_text(status: Document) -> str:
    """Who froze the rollout, until when and why; "" if it is not frozen.

    >>> freeze_text({"freeze": {"by": "ann", "reason": "peak sales", "label": None, "until": 1767225630000}})
    'rollouts are frozen by ann until 2026-01-01 00:00:30Z (reason: peak sales)'
    >>> freeze_text({"freeze": None})
    ''
    """
    freeze = status.get("freeze")
    if not freeze:
        return ""
    return printable(Frozen(freeze["by"], freeze["reason"], freeze["label"], freeze["until"]).text)


def freeze_lines(freezes: Sequence[Document]) -> list[str]:
    """A line per freeze.

    >>> freeze_lines([{"by": "ann", "reason": "", "label": "tier=1", "until": None}]), freeze_lines([])
    (['rollouts with label tier=1 are frozen by ann'], ['no operator has frozen rollouts'])
    """
    return [freeze_text({"freeze": freeze}) for freeze in freezes] or ["no operator has frozen rollouts"]
