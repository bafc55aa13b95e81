"""What a person reads in a terminal: text and tables made from documents. Pure: nothing here reads, waits or prints."""
