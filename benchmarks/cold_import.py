"""How much longer the checking handler takes to import than boto3 with the same clients alone.

    make build && .venv/dev/bin/python benchmarks/cold_import.py [traced]

Both run in turn, each in a new process, as Lambda starts one: with the layer that was built, on this machine's Python.
With `traced`, as when the parameter `Tracing` is `Active`.
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
    "SWEEP_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/111122223333/sweep",
    "OWN_ROLE_ARNS": "",
    "POWERTOOLS_SERVICE_NAME": "secretwatch",
    "POWERTOOLS_METRICS_NAMESPACE": "Secretwatch",
}

CLIENTS = "import boto3; [boto3.client(name) for name in ('dynamodb', 'secretsmanager', 'kms', 'iam')]"
HANDLER = "import app; app.new_checking()()"


def main() -> None:
    """Print the medians and their ratio, run by run."""
    with tempfile.TemporaryDirectory() as bytecode:  # both find theirs, and the layer is left as it was built
        off = "false" if sys.argv[1:] == ["traced"] else "true"
        environment = {**ENVIRONMENT, "PYTHONPYCACHEPREFIX": bytecode, "POWERTOOLS_TRACE_DISABLED": off}
        pairs = [(seconds(CLIENTS, environment), seconds(HANDLER, environment)) for _ in range(RUNS + 1)][1:]
    clients, handler = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(ours / theirs for theirs, ours in pairs)
    print(
        f"boto3 with the same clients {clients * 1000:.0f} ms, the handler {handler * 1000:.0f} ms, ratio {ratio:.2f}"
    )


def seconds(code: str, environment: dict[str, str]) -> float:
    """How long a new process takes to run the code."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
