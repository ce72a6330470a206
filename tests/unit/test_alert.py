"""What people read, word for word: `golden/<name>.txt` is a mail, `golden/<name>.json` the blocks in Slack.

A change of words is a change of these files: read them.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from secretwatch.adapters.blocks import blocks_of
from secretwatch.domain.alert import Alert, Place, as_text, compose, compose_digest, headline_of, subject_of
from secretwatch.domain.finding import Code, Finding, Verdict
from secretwatch.domain.incident import Brief, Cause, Digest, Incident, IncidentState, Kind, Part, Telling, opened
from secretwatch.domain.reference import ProviderKind, Reference
from secretwatch.domain.repair.prospect import Prospect
from secretwatch.domain.repair.rules import Mode
from secretwatch.domain.state import Occasion
from tests.fakes import ACCOUNT, KEY_ARN, NOON, REGION, a_consumer, a_reference, secret_arn

GOLDEN = Path(__file__).parent / "golden"
PLACE = Place(ACCOUNT, REGION, "prod-eu")
CRM = secret_arn()
ROTATED = Occasion("UpdateSecretVersionStage", NOON - timedelta(minutes=1), f"arn:aws:iam::{ACCOUNT}:role/rotator")
MISSING = Finding(
    Code.JSON_KEY_MISSING,
    "the current version lacks JSON key `client_secret`; the previous version has it",
    "Make the previous version current again (the vendor may have revoked it), or store a value with that key.",
    f"aws secretsmanager update-secret-version-stage --region {REGION} --secret-id {CRM} --version-stage AWSCURRENT"
    " --move-to-version-id c2271b3d-575d-5c07-ba6a-aa4e869d1ece"
    " --remove-from-version-id 398a2c46-ee39-521e-a64f-e77f68a7f6ed",
    about=CRM,
)
NOT_ALLOWED = Finding(
    Code.READER_NOT_ALLOWED,
    "no policy lets AgentCore read the secret",
    "Add a statement for bedrock-agentcore.amazonaws.com to the secret's resource policy.",
    about=CRM,
)
OVERDUE = Finding(Code.ROTATION_OVERDUE, "it should have rotated on 2026-11-20", "Rotate it.", about=CRM)
DISABLED = Finding(
    Code.KEY_DISABLED,
    f"the key is disabled and decrypts nothing: {KEY_ARN}",
    "Enable the key.",
    f"aws kms enable-key --region {REGION} --key-id {KEY_ARN}",
    about=KEY_ARN,
)


def a_part(reference: Reference, *findings: Finding, **others: object) -> Part:
    return replace(
        Part(reference, NOON, findings, well_at=NOON - timedelta(hours=9), owner="team-crm"),
        **others,  # type: ignore[arg-type]
    )


def an_incident(*parts: Part, cause: str = CRM) -> Incident:
    return opened(Cause(cause), parts, NOON, hold=None)


def over(incident: Incident, *, at: datetime, **evidence: object) -> Incident:
    parts = tuple(replace(part, healed_at=at, **evidence) for part in incident.parts)  # type: ignore[arg-type]
    return replace(incident, parts=parts, calm_since=at, resolved_at=at)


BROKEN = an_incident(a_part(a_reference(), MISSING, occasion=ROTATED))
WALLET = replace(a_reference("payer", kind=ProviderKind.PAYMENT), field="walletSecret")
UNDER_THE_KEY = an_incident(
    *(a_part(a_reference(f"agent-{n:03}", secret=secret_arn(f"agents/{n:03}")), DISABLED) for n in range(300)),
    cause=KEY_ARN,
)


def a_brief(number: int) -> Brief:
    severity = Verdict.DEGRADED if number % 3 == 0 else Verdict.BROKEN
    code = "ROTATION_OVERDUE" if number % 3 == 0 else "JSON_KEY_MISSING"
    arn = secret_arn(f"agents/{number:03}")
    says = "works, but not as it should be" if number % 3 == 0 else "can't get its credential"
    return Brief(
        f"id-{number}",
        Cause(arn),
        IncidentState.OPEN,
        severity,
        f"agent-{number:03} {says}",
        (code,),
        NOON,
        "d",
        None,
        1,
    )


BRIEFS = [a_brief(number) for number in range(14)]
MEMBERS = tuple(sorted(brief.cause for brief in BRIEFS))
TOGETHER = Digest(
    "digest-20261123T120000-0123456789",
    (ACCOUNT, REGION),
    NOON,
    MEMBERS,
    MEMBERS[:-2],
    telling=Telling().with_news(Kind.OPENED, NOON),
)


def told(incident: Incident, kind: Kind, *, minutes: int = 0, prospect: Prospect | None = None) -> Callable[[], Alert]:
    consumers = [a_consumer(), a_consumer(target="search")]
    return lambda: compose(incident, kind, consumers, PLACE, at=NOON + timedelta(minutes=minutes), prospect=prospect)


REFUSED = an_incident(a_part(a_reference(), NOT_ALLOWED))


ALERTS: dict[str, Callable[[], Alert]] = {
    "broken": told(BROKEN, Kind.OPENED),
    "reminded": told(BROKEN, Kind.REMINDED, minutes=1_500),
    "resolved": told(over(BROKEN, at=NOON + timedelta(minutes=17)), Kind.RESOLVED, minutes=17),
    "resolved-observed": told(
        over(BROKEN, at=NOON + timedelta(minutes=17), observed_at=NOON + timedelta(minutes=16)),
        Kind.RESOLVED,
        minutes=17,
    ),
    "resolved-gone": told(over(BROKEN, at=NOON + timedelta(minutes=17), gone=True), Kind.RESOLVED, minutes=17),
    "flapping": told(replace(BROKEN, reopened=(NOON + timedelta(minutes=20),)), Kind.REOPENED, minutes=20),
    "resolved-flapping": told(
        over(replace(BROKEN, reopened=(NOON + timedelta(minutes=20),)), at=NOON + timedelta(minutes=30)),
        Kind.RESOLVED,
        minutes=90,
    ),
    "several-findings": told(an_incident(a_part(WALLET, MISSING, NOT_ALLOWED)), Kind.OPENED),
    "degraded": told(an_incident(a_part(a_reference(), OVERDUE)), Kind.OPENED),
    "repairable": told(REFUSED, Kind.OPENED, prospect=Prospect(Mode.PROPOSE)),
    "repair-waits": told(
        REFUSED, Kind.REMINDED, minutes=1_500, prospect=Prospect(Mode.PROPOSE, waiting="r-4f2a91c07b")
    ),
    "key": told(UNDER_THE_KEY, Kind.OPENED),
    "account": told(
        an_incident(
            *(
                replace(a_part(a_reference(name)), unknown="DescribeSecret: AccessDeniedException")
                for name in ("crm-oauth", "erp-oauth")
            ),
            cause=f"{ACCOUNT}/{REGION}",
        ),
        Kind.OPENED,
    ),
    "digest": lambda: compose_digest(TOGETHER, Kind.OPENED, BRIEFS, PLACE),
    "digest-first-look": lambda: compose_digest(replace(TOGETHER, first_look=True), Kind.OPENED, BRIEFS, PLACE),
    "digest-resolved": lambda: compose_digest(replace(TOGETHER, still=(), resolved_at=NOON), Kind.RESOLVED, [], PLACE),
}


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_reads_as_it_is_kept(name: str) -> None:
    alert = ALERTS[name]()
    mail = f"Subject: {subject_of(alert)}\n\n{as_text(alert)}\n\nIn a thread: {alert.brief}\n"

    assert mail == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["broken", "resolved", "key", "digest"])
def test_an_alert_stands_in_slack_as_it_is_kept(name: str) -> None:
    assert blocks_of(ALERTS[name]()) == json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("prospect", "sentence", "approves"),
    [
        (None, "Secretwatch cannot repair this.", False),
        (Prospect(Mode.OBSERVE), "Secretwatch could repair this, and is set to observe only.", False),
        (Prospect(Mode.PROPOSE), "Secretwatch can repair this once somebody approves its plan.", True),
        (Prospect(Mode.ENFORCE), "Secretwatch repairs this by itself, where that is safe.", False),
        (Prospect(Mode.ENFORCE, waiting="r-1"), "Secretwatch can repair this: its plan waits for approval.", True),
        (Prospect(Mode.PROPOSE, at_rest="it is contested"), "Secretwatch leaves this alone: it is contested.", False),
    ],
)
def test_what_becomes_of_a_repair_is_said(prospect: Prospect | None, sentence: str, approves: bool) -> None:
    alert = told(REFUSED, Kind.OPENED, prospect=prospect)()

    assert sentence in alert.sentences
    assert ("Approve" in dict(alert.commands)) is approves


def test_what_no_statement_mends_is_not_called_repairable() -> None:
    assert "Secretwatch cannot repair this." in told(BROKEN, Kind.OPENED, prospect=Prospect(Mode.ENFORCE))().sentences


def test_every_kept_alert_is_tested() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(ALERTS)


@pytest.mark.parametrize("name", ALERTS)
def test_the_code_comes_last_and_no_line_is_empty_of_meaning(name: str) -> None:
    alert = ALERTS[name]()
    lines = as_text(alert).splitlines()

    assert lines[-1] == (", ".join(alert.codes) if alert.codes else f"Incident: {alert.incident_id}")
    assert lines[0].startswith(alert.mark)
    assert "None" not in as_text(alert)


def test_a_subscription_can_filter_by_what_it_needs() -> None:
    assert ALERTS["broken"]().attributes == {
        "severity": "BROKEN",
        "account": ACCOUNT,
        "region": REGION,
        "providerKind": "OAUTH2",
        "owner": "team-crm",
        "incidentState": "OPEN",
        "incident_id": BROKEN.id,
    }


def test_the_attributes_of_an_incident_without_owner_are_all_that_sns_takes() -> None:
    unowned = an_incident(replace(a_part(a_reference(), MISSING), owner=None), a_part(WALLET, MISSING))
    attributes = told(replace(unowned, parts=(replace(unowned.parts[0], owner=None),)), Kind.OPENED)().attributes

    assert all(attributes.values())
    assert "owner" not in attributes


def test_an_owner_is_told_of_what_is_the_owners() -> None:
    both = an_incident(a_part(a_reference("mine"), MISSING), a_part(a_reference("other"), MISSING, owner="team-erp"))

    assert headline_of(both.narrowed_to({"team-erp"}))[0] == "other can't get its credential"


@pytest.mark.parametrize(
    ("region", "console"),
    [
        (
            "eu-west-1",
            "https://eu-west-1.console.aws.amazon.com/secretsmanager/secret?name=agents%2Fcrm&region=eu-west-1",
        ),
        ("cn-north-1", "https://console.amazonaws.cn/secretsmanager/secret?name=agents%2Fcrm&region=cn-north-1"),
        (
            "us-gov-west-1",
            "https://console.amazonaws-us-gov.com/secretsmanager/secret?name=agents%2Fcrm&region=us-gov-west-1",
        ),
    ],
)
def test_links_lead_to_the_console_of_the_partition(region: str, console: str) -> None:
    arn = CRM.replace(REGION, region)
    incident = an_incident(a_part(a_reference(secret=arn), MISSING), cause=arn)

    assert [url for _, url in told(incident, Kind.OPENED)().links] == [console]
