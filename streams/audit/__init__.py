"""The audit log: what was ordered, decided and done, by whom and why, in a chain of hashes on one topic."""
