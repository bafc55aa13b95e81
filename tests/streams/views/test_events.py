"""The check of request events as text."""

from connectors.decoders.check import Summary, check_lines
from streams.views.events import check_summary, fault_line

GOOD = b'{"ts":1767225600123,"rollout":"r","cohort":"c","status":200,"latency_ms":1}'


def test_faults_and_summary() -> None:
    """A line per fault with file and line, and one line for all."""
    summary = Summary()
    (fault,) = check_lines([GOOD, b"{"], summary)
    assert fault_line("-", fault).startswith("-:2: bad_json: ")
    assert check_summary(summary, 3) == (
        "1 event in 1 rollout; 1 cohort; 2026-01-01T00:00:00.123Z to 2026-01-01T00:00:00.123Z; "
        "1 fault (bad_json 1); 3 more not shown"
    )
