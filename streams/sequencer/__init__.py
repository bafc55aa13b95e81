"""The sequencer: orders and acks are verified, checked and appended to the journal; so is the time."""
