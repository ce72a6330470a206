"""Make the environment that holds pip, which then fills the others.

Usage: python3 bootstrap.py FOLDER

Debian's python3 comes without pip and without ensurepip, so `python3 -m venv` alone fails there. In order:
ensurepip; the pip of this Python; the pip wheel in Debian's own package, which needs no root to fetch and unpack.
"""

import importlib.util
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

OLDEST, NEWEST = (3, 11), (3, 14)
DEBIAN_PACKAGE = "python3-pip-whl"
WHEELS = Path("usr/share/python-wheels")  # where that package puts the wheel, on any Debian


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    require_supported_python()
    make_environment(Path(sys.argv[1]))


def require_supported_python() -> None:
    if platform.python_implementation() == "CPython" and OLDEST <= sys.version_info[:2] <= NEWEST:
        return
    sys.exit(
        f"{sys.executable} is {platform.python_implementation()} {platform.python_version()};"
        f" secretwatch needs CPython {OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}."
        " Name one that is installed here: make PYTHON=python3.13"
    )


def make_environment(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if importlib.util.find_spec("ensurepip"):
        run(sys.executable, "-m", "venv", folder)
        return
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    python = folder / "bin" / "python"
    if importlib.util.find_spec("pip"):
        run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "pip")
    else:
        unpack_debian_pip(python)


def unpack_debian_pip(python: Path) -> None:
    """Put Debian's pip into this interpreter's environment: a wheel is a zip of what belongs into site-packages."""
    site_packages = output(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    with tempfile.TemporaryDirectory() as scratch:
        wheel = find_pip_wheel(Path("/")) or find_pip_wheel(download_debian_package(Path(scratch)))
        if wheel is None:
            sys.exit(f"Debian's package {DEBIAN_PACKAGE} holds no pip. Try: apt-get install python3-venv")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site_packages)


def find_pip_wheel(root: Path) -> "Path | None":
    return next((root / WHEELS).glob("pip-*.whl"), None)


def download_debian_package(scratch: Path) -> Path:
    """Fetch and unpack the package that holds the pip wheel, and return the folder it was unpacked into."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        sys.exit(f"{sys.executable} has neither ensurepip nor pip. Install one of them, then run make again.")
    print(f"this python3 has no pip: fetching Debian's package {DEBIAN_PACKAGE}", flush=True)
    # apt's own user could not write to the scratch folder.
    apt_get = ["apt-get", "--quiet", "-o", "APT::Sandbox::User=root"]
    # The machine's package lists may be missing or old, and only root may renew them: then use lists of our own.
    own_lists = ["-o", f"Dir::State={scratch}", "-o", f"Dir::Cache={scratch}", "-o", "Acquire::Languages=none"]
    (scratch / "lists" / "partial").mkdir(parents=True)
    (scratch / "archives" / "partial").mkdir(parents=True)
    for options in ([], own_lists):
        if options:
            print("the package lists here are missing or old: fetching a copy for this one use", flush=True)
            run(*apt_get, *options, "update")
        if succeeds(scratch, *apt_get, *options, "download", DEBIAN_PACKAGE):
            run("dpkg-deb", "--extract", next(scratch.glob("*.deb")), scratch / "unpacked")
            return scratch / "unpacked"
    sys.exit(f"could not fetch {DEBIAN_PACKAGE}. Try, as root: apt-get update && apt-get install python3-venv")


def run(*command: object) -> None:
    subprocess.run([str(word) for word in command], check=True)


def output(*command: object) -> str:
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout


def succeeds(folder: Path, *command: str) -> bool:
    return subprocess.run(command, cwd=folder, check=False).returncode == 0


if __name__ == "__main__":
    main()
