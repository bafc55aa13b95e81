"""The command line: `main` has the table of commands; each other module is a command, or what commands share."""
