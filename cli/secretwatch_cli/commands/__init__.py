"""One module a command: it parses, calls one thing, shows it, and exits with what it means."""
