"""Rollout judges on the same simulated rollouts: our gate, and plain re-implementations of other rules.

`make bench-judges` runs all of it; docs/judges.md says what came out and what each re-implementation leaves out.
"""
