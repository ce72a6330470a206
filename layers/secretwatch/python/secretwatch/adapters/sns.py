"""Alerts, on an Amazon SNS topic: to whoever subscribed, and who of them does not hear."""

import json
from collections.abc import Collection
from typing import TYPE_CHECKING

from secretwatch.adapters.aws import translated
from secretwatch.domain.alert import Alert, as_text, subject_of
from secretwatch.domain.finding import Verdict
from secretwatch.domain.incident import Delivery
from secretwatch.domain.subscription import unconfirmed
from secretwatch.ports import ChannelName, Target

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient


class SnsChannel:
    """`ports.Channel` on one topic: one message for all; whose they are stands in the attributes."""

    name = ChannelName.SNS

    def __init__(self, client: "SNSClient", topic_arn: str, *, as_json: bool = False) -> None:
        """`client` is a boto3 SNS client; `as_json` sends what programs read, the text within it."""
        self._client = client
        self._topic_arn = topic_arn
        self._as_json = as_json

    def targets(self, _owners: Collection[str | None], _severity: Verdict) -> list[Target]:
        """The topic, which cannot take back or change what it sent."""
        return [Target("sns", takes_updates=False)]

    def send(self, _target: Target, alert: Alert, _delivery: Delivery) -> None:
        """Publish, with the alert's attributes as message attributes for filter policies."""
        text = as_text(alert)
        with translated("Publish"):
            self._client.publish(
                TopicArn=self._topic_arn,
                Subject=subject_of(alert),
                Message=json.dumps({**alert.detail, "text": text}, ensure_ascii=False) if self._as_json else text,
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value} for name, value in alert.attributes.items()
                },
            )


class SnsSubscriptions:
    """`ports.Subscriptions` on one topic."""

    def __init__(self, client: "SNSClient", topic_arn: str, *, wanted: str = "") -> None:
        """`client` is a boto3 SNS client; `wanted` is the address that the stack was asked to subscribe."""
        self._client = client
        self._topic_arn = topic_arn
        self._wanted = wanted

    def unconfirmed(self) -> list[str]:
        """ListSubscriptionsByTopic, a hundred at a time."""
        pages = self._client.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=self._topic_arn)
        with translated("ListSubscriptionsByTopic"):
            found = [one for page in pages for one in page["Subscriptions"]]
        return unconfirmed(found, wanted=self._wanted)
