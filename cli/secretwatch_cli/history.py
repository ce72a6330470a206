"""What CloudTrail's event history tells of referenced secrets: AgentCore's own reads, and when access last changed."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from secretwatch.domain.change import Change, Subject, UnknownChange, parse_change
from secretwatch.domain.facts import Facts, KeyDescription, SecretDescription
from secretwatch.domain.key import KeyId
from secretwatch.domain.observed import READS, Observations, ObservedRead
from secretwatch.domain.reference import Reference
from secretwatch.domain.secret import SecretId

ACCESS_CHANGES = (
    "PutResourcePolicy",
    "DeleteResourcePolicy",
    "UpdateSecret",
    "DeleteSecret",
    "RestoreSecret",
    "PutKeyPolicy",
    "DisableKey",
    "EnableKey",
    "ScheduleKeyDeletion",
    "CancelKeyDeletion",
    "UpdateAlias",
    "RevokeGrant",
    "CreateApiKeyCredentialProvider",
    "UpdateApiKeyCredentialProvider",
    "CreateOauth2CredentialProvider",
    "UpdateOauth2CredentialProvider",
    "CreatePaymentCredentialProvider",
    "UpdatePaymentCredentialProvider",
)
"""After which a read that succeeded before proves nothing."""

LOOKED_FOR = (*sorted(READS), *ACCESS_CHANGES)


@dataclass(frozen=True, slots=True)
class History:
    """What is remembered: of each secret what was seen, of each subject its latest change.

    `unchanged_since` is from when on every change is known; None when that cannot be said, and then no read proves
    that access holds.
    """

    seen: Mapping[str, Observations] = field(default_factory=dict)
    changed: Mapping[Subject, datetime] = field(default_factory=dict)
    unchanged_since: datetime | None = None

    def observations(self, secret_arn: str) -> Observations:
        """AgentCore's own reads of the secret."""
        return self.seen.get(secret_arn, Observations())

    def access_since(self, reference: Reference, facts: Facts) -> datetime | None:
        """Since when policies, key and provider are as they are."""
        if self.unchanged_since is None:
            return None
        subjects: list[Subject] = [reference.provider, *_names_of(reference.secret), *_keys(facts)]
        changes = [self.changed[one] for one in subjects if one in self.changed]
        return max(changes, default=self.unchanged_since)


def read_history(
    records: Iterable[Mapping[str, Any]], references: Collection[Reference], *, unchanged_since: datetime | None
) -> History:
    """What CloudTrail's records tell of the references; one that cannot be read tells nothing."""
    named = {name: reference.secret_arn for reference in references for name in _names_of(reference.secret)}
    seen: dict[str, Observations] = defaultdict(Observations)
    changed: dict[Subject, datetime] = {}
    for change in _changes(records):
        for subject in change.subjects:
            if not isinstance(change.read, ObservedRead):
                changed[subject] = max(changed.get(subject, change.at), change.at)
            elif isinstance(subject, SecretId) and (arn := named.get(subject)):
                seen[arn] = seen[arn].seen(change.read)
    return History(dict(seen), changed, unchanged_since)


def _changes(records: Iterable[Mapping[str, Any]]) -> Iterator[Change]:
    for record in records:
        try:
            change = parse_change(_as_event(record))
        except UnknownChange:
            continue
        if (change.read or change.what in ACCESS_CHANGES) and "errorCode" not in (record if not change.read else {}):
            yield change


def _as_event(record: Mapping[str, Any]) -> dict[str, Any]:
    """The event by which EventBridge would have delivered the record."""
    source = record.get("eventSource", "")
    return {
        "source": f"aws.{str(source).partition('.')[0]}",
        "detail-type": "AWS API Call via CloudTrail",
        "account": record.get("recipientAccountId"),
        "region": record.get("awsRegion"),
        "id": record.get("eventID"),
        "time": record.get("eventTime"),
        "detail": record,
    }


def _names_of(secret: SecretId) -> Iterator[SecretId]:
    """Every way in which a record may name the secret."""
    yield secret
    yield replace(secret, arn=None)
    if partial := secret.partial_arn_read_as_full:
        yield SecretId.parse(partial, account=secret.account, region=secret.region)


def _keys(facts: Facts) -> Iterator[KeyId]:
    if isinstance(facts.secret, SecretDescription) and facts.secret.key:
        yield facts.secret.key
    if facts.key and isinstance(facts.key.key, KeyDescription):
        yield KeyId(facts.key.key.arn)
