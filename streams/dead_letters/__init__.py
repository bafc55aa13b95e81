"""Dead letters on their topic: reading them back, and sending them again."""
