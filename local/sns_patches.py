"""E-mail subscriptions of MiniStack 1.5.33's SNS wait until somebody confirms them, as on AWS.

Only the server's process imports this, as ``local.ministack_patches``.
"""

from __future__ import annotations

from typing import Any

from ministack.services import sns

Fields = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]


def apply() -> None:
    """Apply every repair, before the server starts."""
    list_pending_subscriptions()


def list_pending_subscriptions() -> None:
    """Say PendingConfirmation of whoever has not confirmed, where MiniStack takes every e-mail for confirmed at once.

    Drop when ListSubscriptionsByTopic says so of a new e-mail subscription without this, and there is a way to confirm.
    """
    list_by_topic = sns._list_subscriptions_by_topic

    def list_subscriptions_by_topic(parameters: Fields) -> Answer:
        status, headers, body = list_by_topic(parameters)
        for subscription in _subscriptions():
            if not _is_confirmed(subscription):
                body = body.replace(_element(subscription["arn"]), _element("PendingConfirmation"))
        return status, headers, body

    sns._list_subscriptions_by_topic = list_subscriptions_by_topic


def confirm(endpoint: str) -> None:
    """Follow the link in the mail to this address."""
    waiting = [one for one in _subscriptions() if one["endpoint"] == endpoint and not _is_confirmed(one)]
    if not waiting:
        raise ValueError(f"{endpoint} has nothing to confirm")
    for one in waiting:
        one["followed_link"] = True


def _subscriptions() -> list[Fields]:
    return [one for topic in sns._topics.values() for one in topic["subscriptions"]]


def _is_confirmed(subscription: Fields) -> bool:
    by_mail = subscription["protocol"].startswith("email")
    return bool(subscription.get("followed_link") if by_mail else subscription.get("confirmed"))


def _element(arn: str) -> bytes:
    return f"<SubscriptionArn>{arn}</SubscriptionArn>".encode()
