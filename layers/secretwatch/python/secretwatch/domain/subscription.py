"""Subscriptions of the topic of alerts: who was to hear of them by it, and does not.

Speaks of subscriptions as SNS's ListSubscriptionsByTopic does.
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

Json: TypeAlias = Mapping[str, Any]

PENDING = "PendingConfirmation"
"""What stands for the ARN of a subscription that nobody has confirmed."""


def unconfirmed(subscriptions: Iterable[Json], *, wanted: str = "") -> list[str]:
    """The endpoints that get nothing: those that nobody confirmed, and the wanted address when it is not subscribed.

    SNS forgets a subscription that nobody confirmed for 48 hours ("Deleting an Amazon SNS topic and subscription"), and
    anybody with a mail can end one by its link: then nothing but `wanted` tells of it.
    """
    found = list(subscriptions)
    pending = {one["Endpoint"] for one in found if one["SubscriptionArn"] == PENDING}
    subscribed = {one["Endpoint"].lower() for one in found if one["SubscriptionArn"].startswith("arn:")}
    known = subscribed | {endpoint.lower() for endpoint in pending}
    return sorted(pending | {address for address in [wanted] if address and address.lower() not in known})
