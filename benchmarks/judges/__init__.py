"""Rollout judges on the same simulated rollouts: our gate, and plain re-implementations of other rules.

`make bench-judges` runs them; docs/judges.md has the results, and what each re-implementation leaves out.
"""
