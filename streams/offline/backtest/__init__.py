"""What a policy would have decided on recorded rollouts, beside what was decided."""
