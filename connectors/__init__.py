"""The edges: what comes in and what goes out. All stand on `kafka` and `signing`; none imports another."""
