"""People are told what holds now, in plain words first and the code last."""

import json
from dataclasses import replace

import pytest

from secretwatch.alerting import Alerting, Outcome
from secretwatch.domain.alert import SUBJECT_LIMIT, compose
from secretwatch.domain.finding import Code, Finding, Verdict
from secretwatch.domain.reference import ProviderKind
from secretwatch.domain.state import ReferenceState
from secretwatch.domain.verdict_change import VERDICT_CHANGED, News, VerdictChange, read_news
from tests.fakes import NOON, InMemoryGatewayRecords, InMemoryReferences, SentAlerts, a_consumer, a_gateway, a_reference

MISSING = Finding(
    Code.JSON_KEY_MISSING,
    "the current version lacks JSON key `client_secret`; the previous version has it",
    "Make the previous version current again.",
    "aws secretsmanager update-secret-version-stage --version-stage AWSCURRENT",
)
NEW = ReferenceState(a_reference())
RESOLVES = replace(NEW, version=1, verdict=Verdict.RESOLVES, checked_at=NOON)
BROKEN = replace(NEW, version=2, verdict=Verdict.BROKEN, findings=(MISSING,), checked_at=NOON)
RECOVERED = replace(RESOLVES, version=3)


def news_of(before: ReferenceState, after: ReferenceState) -> News:
    """The change as it arrives from the bus."""
    change = VerdictChange.between(before, after)
    assert change is not None
    return read_news(json.dumps({"detail-type": VERDICT_CHANGED, "detail": change.detail()}))


def tell(news: News, stored: ReferenceState | None) -> tuple[Outcome, SentAlerts]:
    references, consumers, topic = InMemoryReferences(), InMemoryGatewayRecords(), SentAlerts()
    consumers.record(None, a_gateway("support-bot-a1b2c3d4e5", a_consumer("crm-oauth"), a_consumer("other")))
    if stored:
        references.states = {stored.reference: stored}
    return Alerting(references, consumers, topic).tell(news), topic


def test_a_broken_reference_is_told_in_words_then_command_then_code() -> None:
    outcome, topic = tell(news_of(RESOLVES, BROKEN), BROKEN)

    (alert,) = topic.alerts
    assert outcome is Outcome.SENT
    assert alert.subject == "crm-oauth can't get its credential - 111122223333 eu-west-1"
    assert alert.text == (
        "crm-oauth can't get its credential.\n"
        "What broke: the current version lacks JSON key `client_secret`; the previous version has it.\n"
        "What to do: Make the previous version current again.\n"
        "  aws secretsmanager update-secret-version-stage --version-stage AWSCURRENT\n"
        "Confirm:    secretwatch check agents/crm\n"
        "\n"
        "Affects:  gateway support-bot, target crm\n"
        f"Provider: {BROKEN.reference.provider_arn} (OAUTH2, clientSecret)\n"
        f"Secret:   {BROKEN.reference.secret_arn}\n"
        "Checked:  2026-11-23 12:00:00 UTC\n"
        "\n"
        "JSON_KEY_MISSING"
    )
    assert alert.attributes["verdict"] == "BROKEN"


def test_where_a_provider_has_several_references_the_alert_says_which() -> None:
    wallet = replace(a_reference("payer", kind=ProviderKind.PAYMENT), field="walletSecret")

    alert = compose(replace(BROKEN, reference=wallet), Verdict.RESOLVES)

    assert alert is not None
    assert alert.subject == "payer can't get its walletSecret - 111122223333 eu-west-1"


def test_a_recovery_is_told_with_the_evidence_it_has() -> None:
    outcome, topic = tell(news_of(BROKEN, RECOVERED), RECOVERED)

    assert outcome is Outcome.SENT
    assert topic.alerts[0].text.startswith("crm-oauth can get its credential again.\nIts checks pass;")
    assert topic.alerts[0].text.endswith("\n\nRESOLVES")


def test_a_reference_that_resolves_at_first_sight_is_no_news() -> None:
    outcome, topic = tell(news_of(NEW, RESOLVES), RESOLVES)

    assert (outcome, topic.alerts) == (Outcome.NO_NEWS, [])


def test_news_that_no_longer_holds_is_left_to_the_news_that_follows() -> None:
    outcome, topic = tell(news_of(RESOLVES, BROKEN), RECOVERED)

    assert (outcome, topic.alerts) == (Outcome.SUPERSEDED, [])


def test_news_still_holds_after_later_checks_that_found_the_same() -> None:
    outcome, _ = tell(news_of(RESOLVES, BROKEN), replace(BROKEN, version=9))

    assert outcome is Outcome.SENT


def test_news_of_a_reference_that_is_gone_is_not_told() -> None:
    assert tell(news_of(RESOLVES, BROKEN), None)[0] is Outcome.SUPERSEDED


def test_the_subject_fits_sns_however_long_the_provider_s_name() -> None:
    long = replace(BROKEN, reference=a_reference("x" * 128))

    alert = compose(long, Verdict.RESOLVES)

    assert alert is not None
    assert len(alert.subject) < SUBJECT_LIMIT
    assert alert.subject.endswith("... - 111122223333 eu-west-1")


def test_a_change_has_one_id_however_often_it_is_published() -> None:
    assert news_of(RESOLVES, BROKEN).id == news_of(RESOLVES, BROKEN).id
    assert news_of(RESOLVES, BROKEN).id != news_of(BROKEN, RECOVERED).id


def test_nothing_is_published_of_a_check_that_changed_nothing() -> None:
    assert VerdictChange.between(BROKEN, replace(BROKEN, version=3)) is None


@pytest.mark.parametrize("text", ["not JSON", "[]", "{}", '{"detail": {"reference": {}}}', '{"detail": null}'])
def test_what_is_no_news_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not a 'Reference Verdict Changed' event: \w+$"):
        read_news(text)
