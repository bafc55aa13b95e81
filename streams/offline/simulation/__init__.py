"""Simulated rollouts: the real gate on panes of random traffic, many times."""
