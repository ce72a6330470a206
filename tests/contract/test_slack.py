"""Slack, by slack_sdk as it is, over real HTTP: every alert arrives in the end, once."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretwatch.adapters.blocks import BLOCKS_LIMIT, TEXT_LIMIT, blocks_of, summary_of
from secretwatch.adapters.slack import SlackAccess, SlackChannel, read_access
from secretwatch.domain.finding import Verdict
from secretwatch.domain.incident import Delivery, Kind
from secretwatch.errors import Later, Permanent, Transient
from secretwatch.ports import Target
from tests.fakes import NOON, Clock, an_alert
from tests.slack import BROKEN, RATE_LIMITED, SLOW, TOKEN, Slack, a_workspace

CHANNELS = {"default": "C0DEFAULT", "DEGRADED": "C0DEGRADED", "owner:payments": "C0PAYMENTS"}
DEFAULT = Target("slack:default", takes_updates=True)


class FakeSecretsManager:
    """Answers GetSecretValue with one secret."""

    def __init__(self, value: str) -> None:
        self.value = value
        self.reads = 0

    def get_secret_value(self, **_: str) -> dict[str, str]:
        self.reads += 1
        return {"SecretString": self.value}


@pytest.fixture
def slack() -> Iterator[Slack]:
    with a_workspace() as workspace:
        yield workspace


@pytest.fixture
def clock() -> Clock:
    return Clock()


def a_channel(slack: Slack, clock: Clock, **value: Any) -> SlackChannel:
    holds = value or {"token": TOKEN, "channels": CHANNELS}
    secrets: Any = FakeSecretsManager(json.dumps(holds))
    return SlackChannel(SlackAccess(secrets, "arn", clock), api_url=slack.api_url, clock=clock, timeout=0.3)


# --- a bot


def test_an_incident_is_one_message_that_is_changed_with_one_thread(slack: Slack, clock: Clock) -> None:
    channel = a_channel(slack, clock)

    place = channel.send(DEFAULT, an_alert(), Delivery())
    for revision, kind in ((2, Kind.UPDATED), (3, Kind.REMINDED), (4, Kind.RESOLVED)):
        alert = an_alert(kind, revision=revision, headline=f"now {kind}", name="now", brief=f"brief {kind}")
        assert channel.send(DEFAULT, alert, Delivery(revision - 1, place)) == place

    (post,) = slack.posts
    assert (post["channel"], post["edits"]) == ("C0DEFAULT", 3)
    assert post["text"] == "🔴 now RESOLVED · prod-eu · eu-west-1"
    assert [(reply["text"], reply["reply_broadcast"]) for reply in slack.replies(post)] == [
        ("brief UPDATED", False),
        ("brief REMINDED", True),
        ("brief RESOLVED", False),
    ]


def test_the_message_carries_by_what_it_is_found_again(slack: Slack, clock: Clock) -> None:
    a_channel(slack, clock).send(DEFAULT, an_alert(), Delivery())

    assert slack.posts[0]["metadata"] == {
        "event_type": "secretwatch_incident",
        "event_payload": {"incident_id": "20261123T120000-0123456789", "revision": 1},
    }


def test_what_was_posted_and_never_recorded_is_found_and_not_posted_again(slack: Slack, clock: Clock) -> None:
    place = a_channel(slack, clock).send(DEFAULT, an_alert(), Delivery())

    again = a_channel(slack, clock).send(DEFAULT, an_alert(), Delivery(attempted=True))

    assert again == place
    assert len(slack.messages) == 1


def test_a_reply_that_was_posted_and_never_recorded_is_not_posted_again(slack: Slack, clock: Clock) -> None:
    channel = a_channel(slack, clock)
    place = channel.send(DEFAULT, an_alert(), Delivery())
    over = an_alert(Kind.RESOLVED, revision=2)
    channel.send(DEFAULT, over, Delivery(1, place))

    channel.send(DEFAULT, over, Delivery(1, place, attempted=True))

    assert len(slack.replies(slack.posts[0])) == 1


def test_without_the_right_to_look_it_is_posted_rather_than_lost(slack: Slack, clock: Clock) -> None:
    slack.script = ["missing_scope"]

    a_channel(slack, clock).send(DEFAULT, an_alert(), Delivery(attempted=True))

    assert len(slack.posts) == 1


def test_a_message_that_somebody_deleted_is_posted_anew(slack: Slack, clock: Clock) -> None:
    channel = a_channel(slack, clock)
    place = channel.send(DEFAULT, an_alert(), Delivery())
    slack.messages.clear()

    again = channel.send(DEFAULT, an_alert(Kind.REMINDED, revision=2), Delivery(1, place))

    assert len(slack.posts) == 1
    assert again is not None


# --- what goes wrong


def test_slack_is_left_alone_for_as_long_as_it_asks(slack: Slack, clock: Clock) -> None:
    channel = a_channel(slack, clock)
    slack.script = [RATE_LIMITED]

    with pytest.raises(Later) as asked:
        channel.send(DEFAULT, an_alert(), Delivery())
    clock.forward(seconds=89)
    with pytest.raises(Later):
        channel.send(DEFAULT, an_alert(), Delivery())
    assert asked.value.until == NOON + timedelta(seconds=90)
    assert slack.requests == ["chat.postMessage"]

    clock.forward(seconds=1)
    channel.send(DEFAULT, an_alert(), Delivery(attempted=True))

    assert len(slack.posts) == 1


@pytest.mark.parametrize("how", [BROKEN, SLOW, "internal_error", "service_unavailable"])
def test_what_may_pass_is_tried_again_and_arrives_once(slack: Slack, clock: Clock, how: str) -> None:
    channel = a_channel(slack, clock)
    slack.script = [how]

    with pytest.raises(Transient):
        channel.send(DEFAULT, an_alert(), Delivery())
    clock.forward(minutes=1)
    channel.send(DEFAULT, an_alert(), Delivery(attempted=True))

    assert len(slack.posts) == 1


def test_a_workspace_that_cannot_be_reached_may_be_later(slack: Slack, clock: Clock) -> None:
    channel = a_channel(Slack(url="http://127.0.0.1:1"), clock)

    with pytest.raises(Transient, match="Slack: "):
        channel.send(DEFAULT, an_alert(), Delivery())


def test_a_token_that_was_revoked_is_said_and_the_next_one_taken_up_at_once(slack: Slack, clock: Clock) -> None:
    secrets: Any = FakeSecretsManager(json.dumps({"token": "xoxb-old", "channels": CHANNELS}))
    channel = SlackChannel(SlackAccess(secrets, "arn", clock), api_url=slack.api_url, clock=clock)

    with pytest.raises(Permanent, match=r"^Slack: invalid_auth$"):
        channel.send(DEFAULT, an_alert(), Delivery())
    secrets.value = json.dumps({"token": TOKEN, "channels": CHANNELS})
    channel.send(DEFAULT, an_alert(), Delivery())

    assert len(slack.posts) == 1


def test_a_channel_that_is_not_there_is_said(slack: Slack, clock: Clock) -> None:
    channel = a_channel(slack, clock, token=TOKEN, channels={"default": "C0GONE"})

    with pytest.raises(Permanent, match=r"^Slack: channel_not_found$"):
        channel.send(DEFAULT, an_alert(), Delivery())


def test_the_secret_is_read_once_in_five_minutes(slack: Slack, clock: Clock) -> None:
    secrets: Any = FakeSecretsManager(json.dumps({"token": TOKEN, "channels": CHANNELS}))
    access = SlackAccess(secrets, "arn", clock)

    for minutes in (0, 4, 1):
        clock.forward(minutes=minutes)
        access.read()

    assert secrets.reads == 2


@pytest.mark.parametrize(
    "value",
    [
        "canary-not-json",
        "[]",
        "{}",
        '{"token": "xoxb-canary"}',
        '{"token": "xoxb-canary", "channels": {}}',
        '{"token": "xoxb-canary", "channels": {"payments": "C1"}}',
        '{"token": 7, "channels": {"default": "C1"}}',
        '{"token": "canary\\n", "channels": {"default": "C1"}}',
        '{"webhook": "canary"}',
        '{"webhook": null}',
        '{"webhooks": {"default": 7}}',
    ],
)
def test_a_secret_that_holds_something_else_is_refused_without_quoting_it(value: str) -> None:
    with pytest.raises(Permanent, match=r"^Slack: the secret holds neither a token with channels nor a webhook$"):
        read_access(value)


def test_what_gives_access_is_shown_nowhere() -> None:
    assert TOKEN not in repr(read_access(json.dumps({"token": TOKEN, "channels": CHANNELS})))


# --- webhooks


def test_a_webhook_gets_one_message_a_state_and_no_updates(slack: Slack, clock: Clock) -> None:
    channel = a_channel(slack, clock, webhook=f"{slack.url}/hook")
    (target,) = channel.targets({None}, Verdict.BROKEN)

    for kind in (Kind.OPENED, Kind.RESOLVED):
        assert channel.send(target, an_alert(kind), Delivery()) is None

    assert not target.takes_updates
    assert len(slack.posts) == 2


@pytest.mark.parametrize(("how", "expected"), [("no_such_hook", Permanent), (BROKEN, Transient), (RATE_LIMITED, Later)])
def test_a_webhook_that_fails_says_how_and_never_where(
    slack: Slack, clock: Clock, how: str, expected: type[Exception]
) -> None:
    channel = a_channel(slack, clock, webhook=f"{slack.url}/hook")
    slack.script = [how]

    with pytest.raises(expected) as failure:
        channel.send(DEFAULT, an_alert(), Delivery())

    assert type(failure.value) is expected
    assert "hook/" not in str(failure.value)
    assert slack.url not in str(failure.value)


# --- routing


@pytest.mark.parametrize(
    ("owners", "severity", "names"),
    [
        ({None}, Verdict.BROKEN, ["slack:default"]),
        ({None, "search"}, Verdict.BROKEN, ["slack:default"]),
        ({"search"}, Verdict.DEGRADED, ["slack:DEGRADED"]),
        ({"payments"}, Verdict.DEGRADED, ["slack:owner:payments"]),
        ({"payments", "search", None}, Verdict.BROKEN, ["slack:default", "slack:owner:payments"]),
    ],
)
def test_an_owner_has_one_message_in_the_channel_that_is_the_owners(
    slack: Slack, clock: Clock, owners: set[str | None], severity: Verdict, names: list[str]
) -> None:
    targets = a_channel(slack, clock).targets(owners, severity)

    assert [target.name for target in targets] == names
    assert {owner for target in targets for owner in target.owners or ()} == owners


# --- Block Kit


texts = st.text(min_size=1, max_size=40) | st.integers(2_900, 4_000).map(lambda length: "&" * length)
alerts = st.builds(
    lambda headline, lines, commands, links, codes: an_alert(
        headline=headline, sentences=lines, affected=lines, commands=commands, links=links, codes=codes
    ),
    texts,
    st.lists(texts, max_size=60).map(tuple),
    st.lists(st.tuples(texts, texts), max_size=60).map(tuple),
    st.lists(st.tuples(texts, texts), max_size=5).map(tuple),
    st.lists(texts, max_size=60).map(tuple),
)


@given(alerts)
def test_an_alert_is_within_slacks_limits_whatever_is_in_it(alert: Any) -> None:
    blocks = blocks_of(alert)

    assert len(blocks) <= BLOCKS_LIMIT
    assert all(0 < len(text) <= TEXT_LIMIT for block in blocks for text in _texts(block))
    assert len(summary_of(alert)) <= TEXT_LIMIT


def _texts(block: dict[str, Any]) -> list[str]:
    return [block["text"]["text"]] if "text" in block else [one["text"] for one in block["elements"]]


def test_a_long_list_is_cut_with_a_count() -> None:
    blocks = blocks_of(an_alert(affected=tuple(f"provider agent-{index:03}" for index in range(300))))

    (affected,) = [text for block in blocks for text in _texts(block) if text.startswith("*Affects*")]
    assert affected.endswith("• provider agent-009\nand 290 more")


def test_half_a_command_is_never_shown() -> None:
    texts = [text for block in blocks_of(an_alert(commands=(("Fix", "x" * 3_000),))) for text in _texts(block)]

    assert "*Fix*\nToo long for Slack: see the mail, or `secretwatch check`." in texts


def test_what_slack_reads_as_control_is_escaped_and_the_name_stands_out() -> None:
    alert = an_alert(headline="crm-oauth can't read <a> & <b>")

    assert _texts(blocks_of(alert)[0]) == ["🔴 *crm-oauth* can't read &lt;a&gt; &amp; &lt;b&gt; · prod-eu · eu-west-1"]
