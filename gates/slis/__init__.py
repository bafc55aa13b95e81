"""Service level indicators, one a file."""
