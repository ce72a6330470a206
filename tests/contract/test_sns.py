"""An alert is one message: text that people read or JSON, with attributes to filter by."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretwatch.adapters.sns import SnsChannel, SnsSubscriptions
from secretwatch.domain.alert import as_text, subject_of
from secretwatch.domain.finding import Verdict
from secretwatch.domain.incident import Delivery
from secretwatch.errors import Permanent
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


# --- who does not hear

CONFIRMED, PENDING, DELETED = f"{TOPIC}:3b2f", "PendingConfirmation", "Deleted"


def subscription(endpoint: str, arn: str) -> dict[str, str]:
    return {"SubscriptionArn": arn, "TopicArn": TOPIC, "Protocol": "email", "Endpoint": endpoint}


@pytest.mark.parametrize(
    ("subscriptions", "wanted", "silent"),
    [
        ({}, "", []),
        ({"a@example.com": CONFIRMED}, "A@example.com", []),
        ({"a@example.com": CONFIRMED, "b@example.com": PENDING}, "", ["b@example.com"]),
        ({"a@example.com": PENDING}, "a@example.com", ["a@example.com"]),
        pytest.param({"b@example.com": CONFIRMED}, "a@example.com", ["a@example.com"], id="forgotten-after-48-hours"),
        pytest.param({"a@example.com": DELETED}, "a@example.com", ["a@example.com"], id="unsubscribed-by-a-link"),
        pytest.param({"a@example.com": DELETED}, "", [], id="unsubscribed-and-not-asked-for"),
    ],
)
def test_an_address_that_was_to_hear_and_does_not_is_found_on_whatever_page(
    make_stub: MakeStub, subscriptions: dict[str, str], wanted: str, silent: list[str]
) -> None:
    aws = make_stub("sns")
    pages = [[subscription(*one)] for one in subscriptions.items()] or [[]]
    for number, page in enumerate(pages):
        asked = {"TopicArn": TOPIC, **({"NextToken": f"t-{number}"} if number else {})}
        more = {"NextToken": f"t-{number + 1}"} if number + 1 < len(pages) else {}
        aws.add_response("list_subscriptions_by_topic", {"Subscriptions": page, **more}, asked)

    assert SnsSubscriptions(aws.client, TOPIC, wanted=wanted).unconfirmed() == silent


def test_that_the_subscriptions_may_not_be_listed_is_said(make_stub: MakeStub) -> None:
    aws = make_stub("sns")
    aws.add_client_error("list_subscriptions_by_topic", "AuthorizationError")

    with pytest.raises(Permanent, match=r"^ListSubscriptionsByTopic: AuthorizationError$"):
        SnsSubscriptions(aws.client, TOPIC).unconfirmed()
