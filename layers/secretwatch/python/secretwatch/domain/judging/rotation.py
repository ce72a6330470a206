"""Whether the secret's rotation works, and whether there is one where the rules want it."""

from collections.abc import Iterator
from datetime import timedelta

from secretwatch.domain.facts import Facts, SecretDescription
from secretwatch.domain.finding import Code, Finding
from secretwatch.domain.judging.commands import on_secret
from secretwatch.domain.reference import Reference
from secretwatch.domain.rules import Rules

_GRACE = timedelta(days=1)  # Secrets Manager rotates "on or before" the date that it names, within a window of hours


def rotation_findings(reference: Reference, secret: SecretDescription, facts: Facts, rules: Rules) -> Iterator[Finding]:
    """ROTATION_FAILED, ROTATION_OVERDUE, ROTATION_OFF."""
    rotation, failed = secret.rotation, facts.observations.rotation_failed
    if not rotation.enabled:
        if rules.rotation:
            yield _off(reference)
        return
    if failed and (rotation.last is None or rotation.last < failed.at):
        yield Finding(
            Code.ROTATION_FAILED,
            f"the rotation of {failed.at:%Y-%m-%d %H:%M %Z} failed, and none has succeeded since",
            "See the rotation function's log; once it is mended, rotate again.",
            on_secret(reference, "rotate-secret"),
            about=reference.secret_arn,
        )
    if overdue := _overdue(secret, facts, rules):
        yield Finding(
            Code.ROTATION_OVERDUE,
            overdue,
            "See why the rotation does not run: its schedule, and the rotation function's log; then rotate.",
            on_secret(reference, "rotate-secret"),
            about=reference.secret_arn,
        )


def _overdue(secret: SecretDescription, facts: Facts, rules: Rules) -> str | None:
    """What is late: against the secret's own schedule, or the age that the rules allow."""
    rotation, since = secret.rotation, secret.rotation.last or secret.created
    if rotation.next and rotation.next + _GRACE < facts.at:
        return f"the rotation that was due by {rotation.next:%Y-%m-%d} has not happened"
    if rules.rotation_max_age and since and since + rules.rotation_max_age < facts.at:
        return f"the value is from {since:%Y-%m-%d}, older than the {rules.rotation_max_age.days} days that are allowed"
    return None


def _off(reference: Reference) -> Finding:
    return Finding(
        Code.ROTATION_OFF,
        "rotation is required and not switched on",
        "Give the secret a rotation function and a schedule: aws secretsmanager rotate-secret with --rotation-rules.",
        about=reference.secret_arn,
    )
