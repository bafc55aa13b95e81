"""Unit tests of policies: a policy, the traffic it meets, and what must be decided of it. Pure but for `folders`."""
