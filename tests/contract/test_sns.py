"""An alert is one message, with attributes to filter by."""

from secretwatch.adapters.sns import SnsTopic
from secretwatch.domain.alert import Alert
from tests.contract.stubs import MakeStub

TOPIC = "arn:aws:sns:eu-west-1:111122223333:alerts"


def test_an_alert_is_published_with_its_attributes_as_strings(make_stub: MakeStub) -> None:
    aws = make_stub("sns")
    aws.add_response(
        "publish",
        {"MessageId": "m-1"},
        {
            "TopicArn": TOPIC,
            "Subject": "crm-google can't get its credential - 111122223333 eu-west-1",
            "Message": "crm-google can't get its credential.",
            "MessageAttributes": {
                "verdict": {"DataType": "String", "StringValue": "BROKEN"},
                "region": {"DataType": "String", "StringValue": "eu-west-1"},
            },
        },
    )
    alert = Alert(
        "crm-google can't get its credential - 111122223333 eu-west-1",
        "crm-google can't get its credential.",
        {"verdict": "BROKEN", "region": "eu-west-1"},
    )

    SnsTopic(aws.client, TOPIC).publish(alert)

    aws.assert_no_pending_responses()
