"""The rollout as a state machine: the transition table, signals and the step."""
