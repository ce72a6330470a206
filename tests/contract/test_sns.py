"""An alert is one message: text that people read or JSON, with attributes to filter by."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretwatch.adapters.sns import SnsChannel
from secretwatch.domain.alert import as_text, subject_of
from secretwatch.domain.finding import Verdict
from secretwatch.domain.incident import Delivery
from tests.contract.stubs import MakeStub
from tests.fakes import an_alert

TOPIC = "arn:aws:sns:eu-west-1:111122223333:alerts"


@pytest.mark.parametrize("as_json", [False, True])
def test_an_alert_is_published_with_its_attributes_as_strings(make_stub: MakeStub, as_json: bool) -> None:
    aws, alert = make_stub("sns"), an_alert()
    text = as_text(alert)
    aws.add_response(
        "publish",
        {"MessageId": "m-1"},
        {
            "TopicArn": TOPIC,
            "Subject": "crm-oauth can't get its credential - prod-eu eu-west-1",
            "Message": json.dumps({**alert.detail, "text": text}, ensure_ascii=False) if as_json else text,
            "MessageAttributes": {
                "severity": {"DataType": "String", "StringValue": "BROKEN"},
                "incidentState": {"DataType": "String", "StringValue": "OPEN"},
            },
        },
    )
    channel = SnsChannel(aws.client, TOPIC, as_json=as_json)
    (target,) = channel.targets({None, "payments"}, Verdict.BROKEN)

    channel.send(target, alert, Delivery())

    assert not target.takes_updates
    aws.assert_no_pending_responses()


@given(st.text(min_size=1, max_size=300).filter(str.strip), st.text(max_size=120))
def test_a_subject_is_what_sns_takes(headline: str, place: str) -> None:
    """Publish, API reference: ASCII text of less than 100 characters, no line breaks, beginning with no space."""
    subject = subject_of(an_alert(headline=headline, place=place))

    assert len(subject) < 100
    assert subject.isascii()
    assert subject.isprintable()
    assert not subject[:1].isspace()
