"""Advice on a policy before it runs: lints, plans and what its checks can detect."""
