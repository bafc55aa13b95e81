"""The edges: what comes in, what goes out. No leaf knows another."""
