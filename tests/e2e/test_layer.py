"""The layer as it is built: small, and ready to run where nothing can be written."""

import io
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from local.stack import ROOT

LAYER = ROOT / "layers" / "secretwatch"
RUNTIME = "python3.13"
MEGABYTE = 1_000_000
IMPORTS = "import boto3, aws_lambda_powertools, secretwatch.adapters.dynamodb, secretwatch.records"


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layer, built anew by its own makefile, as `sam build` runs it."""
    site = tmp_path_factory.mktemp("layer")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = ["make", "--silent", "build-SecretwatchLayer", f"ARTIFACTS_DIR={site}"]
    subprocess.run(command, cwd=LAYER, env={**os.environ, "PATH": path}, check=True)
    return site


def test_the_layer_is_at_most_six_megabytes_zipped(layer: Path) -> None:
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in layer.rglob("*"):
            archive.write(path, path.relative_to(layer))

    assert zipped.tell() <= 6 * MEGABYTE


def test_the_layer_carries_bytecode_for_its_runtime_and_for_no_other(layer: Path) -> None:
    """Where the machine that builds has the runtime's own Python; without it, none at all."""
    sources = [path for path in layer.rglob("*.py") if "secretwatch" in path.parts]
    bytecode = {path.name for path in layer.rglob("*.pyc")}

    expected = {f"{path.stem}.cpython-313.pyc" for path in sources} if has_runtime() else set()
    assert len(sources) > 20
    assert expected <= bytecode
    assert {name.split(".")[-2] for name in bytecode} == ({"cpython-313"} if has_runtime() else set())


def test_an_import_needs_to_write_nothing(layer: Path) -> None:
    """On Lambda the layer is read-only: what is not there is compiled anew at every cold start."""
    before = sorted(layer.rglob("*"))
    python = RUNTIME if has_runtime() else "python3"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(layer / "python"), "HOME": os.environ["HOME"]}
    dont_write = [] if has_runtime() else ["-B"]

    subprocess.run([python, *dont_write, "-c", IMPORTS], check=True, env=environment)

    assert sorted(layer.rglob("*")) == before


def has_runtime() -> bool:
    """Whether this machine has the Python that Lambda runs."""
    found = shutil.which(RUNTIME)
    return found is not None and subprocess.run([found, "--version"], check=False, capture_output=True).returncode == 0
