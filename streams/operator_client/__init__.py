"""The operators' side of the topics: read where rollouts stand, give an order, wait for its result."""
