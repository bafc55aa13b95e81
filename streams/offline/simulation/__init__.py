"""Rollouts in simulation: the real gate, fed with panes of made-up traffic, many times over."""
