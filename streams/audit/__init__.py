"""The audit log: a hash chain of what was ordered, decided and done."""
