"""The exact AWS CLI commands that remedies offer: only what harms nothing that works."""

import json
import shlex
from collections.abc import Mapping

from secretwatch.domain.reference import Reference

REVOKED = " (the vendor may have revoked it)"
"""The warning that goes with every way back to a former value."""


def on_secret(reference: Reference, operation: str, options: Mapping[str, str] | None = None) -> str:
    """A command on the reference's secret."""
    arguments = {"region": reference.secret.region, "secret-id": reference.secret_arn, **(options or {})}
    return _aws("secretsmanager", operation, arguments)


def on_key(region: str, key_arn: str, operation: str) -> str:
    """A command on a KMS key."""
    return _aws("kms", operation, {"region": region, "key-id": key_arn})


def move_current(reference: Reference, to: str, *, away_from: str | None = None) -> str:
    """Make a former version current again."""
    options = {"version-stage": "AWSCURRENT", "move-to-version-id": to}
    if away_from:
        options["remove-from-version-id"] = away_from
    return on_secret(reference, "update-secret-version-stage", options)


def first_policy(reference: Reference, statement: Mapping[str, object]) -> str:
    """Give a secret without any policy this one; where there is one, it would be replaced whole."""
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return f"{on_secret(reference, 'put-resource-policy', {'resource-policy': document})} --block-public-policy"


def _aws(service: str, operation: str, arguments: Mapping[str, str]) -> str:
    return f"aws {service} {operation} " + " ".join(
        f"--{name} {shlex.quote(value)}" for name, value in arguments.items()
    )
