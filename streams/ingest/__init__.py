"""From request events to the journal."""
