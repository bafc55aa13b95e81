"""What every role of a worker needs around it: settings, health, watchdog, metrics and failpoints."""
