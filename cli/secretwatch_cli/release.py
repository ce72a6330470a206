"""Of which release the command is."""

from importlib import metadata


def installed_version() -> str | None:
    """The version that was installed; None when the command runs from its sources."""
    try:
        return metadata.version("secretwatch")
    except metadata.PackageNotFoundError:
        return None
