"""The topics: the table of them, and making them on a broker."""
