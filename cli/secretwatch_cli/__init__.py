"""The `secretwatch` command, for operators and for teams that own secrets."""
