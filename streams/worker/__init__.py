"""The worker: the Faust app, its wiring and its web pages."""
