"""The edges: what comes in, what goes out. Each stands on `kafka`, `topics` and `reading`; none knows another."""
