"""`python -m secretwatch_cli`, the same as `secretwatch`."""

from secretwatch_cli.app import app

app(prog_name="secretwatch")
