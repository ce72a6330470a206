"""What comes to the repair queue: news of a broken reference, or somebody's decision."""

import json
from dataclasses import dataclass
from typing import Any

from secretwatch.domain.change import NoEvent, UnknownChange
from secretwatch.domain.secret import SecretId
from secretwatch.domain.verdict_change import VERDICT_CHANGED

REPAIR_REQUESTED = "Repair Requested"


@dataclass(frozen=True, slots=True)
class CarryOut:
    """An approved repair is to be applied, or an applied one to be undone."""

    repair_id: str


def ask_to_carry_out(repair_id: str) -> str:
    """The message that `read_repair_request` reads back."""
    return _message({"repairId": repair_id})


def ask_to_consider(secret: SecretId) -> str:
    """The message that `read_repair_request` reads back."""
    return _message({"secretArn": secret.arn})


def read_repair_request(text: str) -> SecretId | CarryOut:
    """The secret to look at, or the repair to carry out; raises UnknownChange when it names neither."""
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        raise NoEvent("not JSON") from None
    match event:
        case {"detail-type": "Repair Requested", "detail": {"repairId": str(repair_id)}}:
            return CarryOut(repair_id)
        case {"detail-type": "Repair Requested", "detail": {"secretArn": str(arn)}}:
            return _secret(arn)
        case {"detail-type": "Reference Verdict Changed", "detail": {"reference": {"secretArn": str(arn)}}}:
            return _secret(arn)
    raise UnknownChange(f"neither {VERDICT_CHANGED!r} nor {REPAIR_REQUESTED!r}")


def _secret(arn: str) -> SecretId:
    try:
        return SecretId.of_arn(arn)
    except ValueError as error:
        raise UnknownChange("it names no secret by its full ARN") from error


def _message(detail: dict[str, Any]) -> str:
    return json.dumps({"source": "secretwatch", "detail-type": REPAIR_REQUESTED, "detail": detail})
