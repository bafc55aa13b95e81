"""What a person sees in a terminal: text made from documents."""
