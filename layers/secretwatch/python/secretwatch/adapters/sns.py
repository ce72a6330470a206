"""Alerts, on an Amazon SNS topic."""

from typing import TYPE_CHECKING

from secretwatch.adapters.aws import translated
from secretwatch.domain.alert import Alert

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient


class SnsTopic:
    """`ports.Topic` on one topic."""

    def __init__(self, client: "SNSClient", topic_arn: str) -> None:
        """`client` is a boto3 SNS client."""
        self._client = client
        self._topic_arn = topic_arn

    def publish(self, alert: Alert) -> None:
        """Publish, with the alert's attributes as message attributes for filter policies."""
        with translated("Publish"):
            self._client.publish(
                TopicArn=self._topic_arn,
                Subject=alert.subject,
                Message=alert.text,
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value} for name, value in alert.attributes.items()
                },
            )
