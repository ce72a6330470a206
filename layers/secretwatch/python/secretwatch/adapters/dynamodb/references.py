"""References and their state, found by the secret's ARN and by its name."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from secretwatch.adapters.dynamodb.table import Item, Key, Table, if_version
from secretwatch.domain.finding import Code, Finding, Verdict
from secretwatch.domain.observed import FailedRotation, Observations, ObservedRead
from secretwatch.domain.reference import ProviderKind, ProviderName, Reference
from secretwatch.domain.secret import SecretId
from secretwatch.domain.state import Occasion, ReferenceState, UnknownSince

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_PREFIX = "REF#"
_POINTER = "NAME#"


class DynamoDbReferences:
    """`ports.References` on the Registry."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """`client` is a boto3 DynamoDB client."""
        self._table = Table(client, table)

    def of_secret(self, secret: SecretId) -> list[ReferenceState]:
        """Query by ARN; by name, the ARNs are looked up first.

        What reads as a full ARN may be somebody's partial one: the same Query finds the secrets that it then names.
        """
        if secret.arn is None:
            return self._states_of(self._table.query(_name_pk(secret)))
        found = list(self._table.query(f"SECRET#{secret.arn}"))
        states = [state_of(item) for item in found if item["sk"].startswith(_PREFIX)]
        return states + self._states_of(item for item in found if item["sk"].startswith(_POINTER))

    def find(self, reference: Reference) -> ReferenceState | None:
        """GetItem of the reference's own record."""
        item = self._table.get(reference_key(reference))
        return state_of(item) if item else None

    def all_of(self, references: Collection[Reference]) -> list[ReferenceState]:
        """BatchGetItem, a hundred at a time."""
        return [state_of(item) for item in self._table.get_all([reference_key(one) for one in references])]

    def store(self, state: ReferenceState) -> None:
        """PutItem, on the condition that the stored version is the one before."""
        self._table.put(item_of(state), if_version(state.version - 1))

    def _states_of(self, pointers: Iterable[Item]) -> list[ReferenceState]:
        """Every reference to the secrets that the records point at."""
        arns = sorted({pointer["secret_arn"] for pointer in pointers})
        return [state_of(item) for arn in arns for item in self._table.query(f"SECRET#{arn}", begins_with=_PREFIX)]


def reference_item(reference: Reference) -> dict[str, Any]:
    """A reference as part of a record."""
    return {
        "provider_arn": reference.provider_arn,
        "account": reference.provider.account,
        "region": reference.provider.region,
        "kind": reference.provider.kind.value,
        "provider": reference.provider.name,
        "field": reference.field,
        "secret_arn": reference.secret_arn,
        "json_key": reference.json_key,
    }


def reference_of(item: Item) -> Reference:
    """The reference that a record holds."""
    name = ProviderName(item["account"], item["region"], ProviderKind(item["kind"]), item["provider"])
    return Reference(item["provider_arn"], name, item["field"], item["secret_arn"], item.get("json_key"))


def reference_key(reference: Reference) -> Key:
    """Which record holds the reference: two references that differ in their JSON key alone share one."""
    return {"pk": f"SECRET#{reference.secret_arn}", "sk": f"{_PREFIX}{reference.provider_arn}#{reference.field}"}


def pointer_keys(reference: Reference) -> Iterator[Key]:
    """Which records find the reference by another name of its secret than the full ARN."""
    sk = f"{reference.secret_arn}#{reference.provider_arn}#{reference.field}"
    yield {"pk": _name_pk(reference.secret), "sk": sk}
    if partial := reference.secret.partial_arn_read_as_full:
        yield {"pk": f"SECRET#{partial}", "sk": f"{_POINTER}{sk}"}


def _name_pk(secret: SecretId) -> str:
    return f"NAME#{secret.account}#{secret.region}#{secret.name}"


def item_of(state: ReferenceState) -> dict[str, Any]:
    """The state as a record of the Registry."""
    reference, unknown = state.reference, state.unknown
    return {
        **reference_key(reference),
        **reference_item(reference),
        "version": state.version,
        "verdict": state.verdict.value if state.verdict else None,
        "findings": [finding_item(finding) for finding in state.findings],
        "unknown": _unknown_item(unknown) if unknown else None,
        "good_version": state.good_version,
        "checked_at": text_of(state.checked_at),
        "access": state.access,
        "access_since": text_of(state.access_since),
        "observations": _observations_item(state.observations),
        "since": text_of(state.since),
        "cause": state.cause,
        "owner": state.owner,
        "well_at": text_of(state.well_at),
        "occasion": occasion_item(state.occasion) if state.occasion else None,
    }


def state_of(item: Item) -> ReferenceState:
    """The state that a record holds; an attribute that an older release did not write is read as its default."""
    unknown = item.get("unknown")
    return ReferenceState(
        reference=reference_of(item),
        version=int(item["version"]),
        verdict=Verdict(item["verdict"]) if item.get("verdict") else None,
        findings=tuple(finding_of(finding) for finding in item.get("findings") or ()),
        unknown=_unknown(unknown) if unknown else None,
        good_version=item.get("good_version"),
        checked_at=moment_of(item.get("checked_at")),
        access=item.get("access"),
        access_since=moment_of(item.get("access_since")),
        observations=_observations(item.get("observations") or {}),
        since=moment_of(item.get("since")),
        cause=item.get("cause"),
        owner=item.get("owner"),
        well_at=moment_of(item.get("well_at")),
        occasion=occasion_of(item["occasion"]) if item.get("occasion") else None,
    )


def finding_item(finding: Finding) -> Item:
    """A finding as part of a record."""
    return {**asdict(finding), "waived_until": text_of(finding.waived_until)}


def finding_of(item: Item) -> Finding:
    """The finding that a record holds."""
    until = moment_of(item.get("waived_until"))
    return Finding(Code(item["code"]), item["evidence"], item["remedy"], item.get("command"), item.get("about"), until)


def _unknown_item(unknown: UnknownSince) -> Item:
    return {
        "reason": unknown.reason,
        "since": unknown.since.isoformat(),
        "lasts": unknown.lasts,
        "quiet": unknown.quiet,
    }


def _unknown(item: Item) -> UnknownSince:
    since = datetime.fromisoformat(item["since"])
    return UnknownSince(item["reason"], since, bool(item.get("lasts")), bool(item.get("quiet")))


def _observations_item(observations: Observations) -> Item:
    failed = observations.rotation_failed
    return {
        "read": _read_item(observations.read),
        "denied": _read_item(observations.denied),
        "rotation_failed": text_of(failed.at) if failed else None,
        "readers": [_read_item(read) for read in observations.readers],
    }


def _observations(item: Item) -> Observations:
    failed = moment_of(item.get("rotation_failed"))
    return Observations(
        read=_read(item.get("read")),
        denied=_read(item.get("denied")),
        rotation_failed=FailedRotation(failed) if failed else None,
        readers=tuple(read for one in item.get("readers") or () if (read := _read(one))),
    )


def _read_item(read: ObservedRead | None) -> Item | None:
    return {"at": read.at.isoformat(), "reader": read.reader, "error_code": read.error_code} if read else None


def _read(item: Item | None) -> ObservedRead | None:
    return ObservedRead(datetime.fromisoformat(item["at"]), item["reader"], item["error_code"]) if item else None


def occasion_item(occasion: Occasion) -> Item:
    """A change that was looked into, as part of a record."""
    return {"what": occasion.what, "at": occasion.at.isoformat(), "actor": occasion.actor}


def occasion_of(item: Item) -> Occasion:
    """The change that a record holds."""
    return Occasion(item["what"], datetime.fromisoformat(item["at"]), item.get("actor"))


def text_of(moment: datetime | None) -> str | None:
    """A moment as part of a record."""
    return moment.isoformat() if moment else None


def moment_of(text: str | None) -> datetime | None:
    """The moment that a record holds."""
    return datetime.fromisoformat(text) if text else None
