"""Generators of documentation and checks of the code base; not part of the distribution."""
