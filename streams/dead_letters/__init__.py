"""Dead letters as they stand in their topic: finding them, and sending them once more."""
