"""The state diagram in docs/architecture.md is drawn from the table of transitions.

To draw it again: SLUICEGATE_DOCS_UPDATE=1 .venv/bin/pytest tests/docs
"""

import os

from gates.machine.transitions import TABLE, Phase, Signal
from tests.paths import ROOT

PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- state diagram: begin -->\n", "<!-- state diagram: end -->\n"
UPDATE = "SLUICEGATE_DOCS_UPDATE"


def drawn() -> str:
    """The table as Mermaid: an arrow for each action between two phases; `!` where a person is paged."""
    arrows: dict[tuple[Phase, Phase, str], list[str]] = {}
    for phase in Phase:
        for signal in Signal:
            found = TABLE.get((phase, signal))
            if found is not None and found.action is not None:
                words = arrows.setdefault((phase, found.phase, found.action.value), [])
                words.append(signal.value + ("!" if found.escalate else ""))
    lines = ["```mermaid", "stateDiagram-v2"]
    for (before, after, action), words in arrows.items():
        origin = "[*]" if before is Phase.IDLE else before.value
        lines.append(f"    {origin} --> {after.value}: {action} ({', '.join(words)})")
    return "\n".join([*lines, "```", ""])


def test_the_diagram_shows_the_table() -> None:
    """What is between the markers is drawn from the present table."""
    before, begin, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    shown, end, after = rest.partition(END)
    assert begin, f"{PAGE.name} has lost its marker {BEGIN!r}"
    assert end, f"{PAGE.name} has lost its marker {END!r}"
    if os.environ.get(UPDATE) == "1":
        PAGE.write_text(before + begin + drawn() + end + after, encoding="utf-8")
        return
    assert shown == drawn(), f"the table changed: run {UPDATE}=1 pytest tests/docs"


def test_every_phase_is_drawn() -> None:
    """No phase is missing from the picture."""
    picture = drawn()
    assert all(f" {phase.value}" in picture for phase in Phase if phase is not Phase.IDLE)
