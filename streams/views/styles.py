"""The colours of phases, verdicts and actions in a terminal."""

from __future__ import annotations

PHASE_STYLES = {
    "idle": "dim",
    "baking": "cyan",
    "held": "yellow",
    "paused": "magenta",
    "rolled_back": "bold red",
    "promoted": "bold green",
}
VERDICT_STYLES = {"PASS": "green", "FAIL": "bold red", "ERROR": "red", "NO_DATA": "yellow", "INCONCLUSIVE": "blue"}
ACTION_STYLES = {
    "start": "cyan",
    "advance": "green",
    "hold": "yellow",
    "pause": "magenta",
    "resume": "cyan",
    "rollback": "bold red",
    "promote": "bold green",
}
UNKNOWN_STYLE = "white"
"""For a phase, verdict or action of a later version."""
