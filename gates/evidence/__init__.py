"""From panes to evaluations."""
