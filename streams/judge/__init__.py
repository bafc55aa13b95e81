"""From the journal to decisions."""
