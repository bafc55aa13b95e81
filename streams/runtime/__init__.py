"""What keeps a process well: settings, health, watchdog, metrics and failpoints."""
