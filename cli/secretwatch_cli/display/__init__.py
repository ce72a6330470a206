"""What people and programs read; JSON has the names that the `secretwatch` bus uses too."""

from secretwatch_cli.display.terminal import (
    console,
    harmless,
    headed,
    indented,
    moment,
    print_json,
    print_lines,
    what_to_do,
)

__all__ = ["console", "harmless", "headed", "indented", "moment", "print_json", "print_lines", "what_to_do"]
