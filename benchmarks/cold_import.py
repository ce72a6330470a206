"""How much longer the checking handler takes to import than boto3 with the same clients alone.

    make build && .venv/dev/bin/python benchmarks/cold_import.py

Both run in turn, each in a new process, as Lambda starts one: with the layer that was built, on this machine's Python.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LAYER = ROOT / ".aws-sam" / "build" / "SecretwatchLayer" / "python"
FUNCTION = ROOT / ".aws-sam" / "build" / "CheckReferences"
RUNS = 15

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "PYTHONPATH": f"{LAYER}:{FUNCTION}",
    "LAMBDA_TASK_ROOT": str(FUNCTION),
    "AWS_DEFAULT_REGION": "eu-west-1",
    "REGISTRY_TABLE": "registry",
    "POWERTOOLS_SERVICE_NAME": "secretwatch",
    "POWERTOOLS_METRICS_NAMESPACE": "Secretwatch",
}

CLIENTS = "import boto3; [boto3.client(name) for name in ('dynamodb', 'secretsmanager')]"
HANDLER = "import app; app.checking()"


def main() -> None:
    """Print the medians and their ratio, run by run."""
    with tempfile.TemporaryDirectory() as bytecode:  # both find theirs, and the layer is left as it was built
        environment = {**ENVIRONMENT, "PYTHONPYCACHEPREFIX": bytecode}
        pairs = [(seconds(CLIENTS, environment), seconds(HANDLER, environment)) for _ in range(RUNS + 1)][1:]
    clients, handler = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(ours / theirs for theirs, ours in pairs)
    print(f"boto3 with two clients {clients * 1000:.0f} ms, the handler {handler * 1000:.0f} ms, ratio {ratio:.2f}")


def seconds(code: str, environment: dict[str, str]) -> float:
    """How long a new process takes to run the code."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
