"""References and their state, found by the secret's ARN and by its name."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from secretwatch.adapters.dynamodb.table import Item, Key, Table, if_version
from secretwatch.domain.finding import Code, Finding, Verdict
from secretwatch.domain.reference import ProviderKind, ProviderName, Reference
from secretwatch.domain.secret import SecretId
from secretwatch.domain.state import ReferenceState, UnknownSince

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

    def store(self, state: ReferenceState) -> None:
        """PutItem, on the condition that the stored version is the one before."""
        self._table.put(item_of(state), if_version(state.version - 1))

    def _states_of(self, pointers: Iterable[Item]) -> list[ReferenceState]:
        """Every reference to the secrets that the records point at."""
        arns = sorted({pointer["secret_arn"] for pointer in pointers})
        return [state_of(item) for arn in arns for item in self._table.query(f"SECRET#{arn}", begins_with=_PREFIX)]


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
        "provider_arn": reference.provider_arn,
        "account": reference.provider.account,
        "region": reference.provider.region,
        "kind": reference.provider.kind.value,
        "provider": reference.provider.name,
        "field": reference.field,
        "secret_arn": reference.secret_arn,
        "json_key": reference.json_key,
        "version": state.version,
        "verdict": state.verdict.value if state.verdict else None,
        "findings": [asdict(finding) for finding in state.findings],
        "unknown": {"reason": unknown.reason, "since": unknown.since.isoformat()} if unknown else None,
        "good_version": state.good_version,
        "checked_at": state.checked_at.isoformat() if state.checked_at else None,
    }


def state_of(item: Item) -> ReferenceState:
    """The state that a record holds; an attribute that an older release did not write is read as its default."""
    name = ProviderName(item["account"], item["region"], ProviderKind(item["kind"]), item["provider"])
    unknown, checked_at = item.get("unknown"), item.get("checked_at")
    return ReferenceState(
        reference=Reference(item["provider_arn"], name, item["field"], item["secret_arn"], item.get("json_key")),
        version=int(item["version"]),
        verdict=Verdict(item["verdict"]) if item.get("verdict") else None,
        findings=tuple(_finding(finding) for finding in item.get("findings") or ()),
        unknown=UnknownSince(unknown["reason"], datetime.fromisoformat(unknown["since"])) if unknown else None,
        good_version=item.get("good_version"),
        checked_at=datetime.fromisoformat(checked_at) if checked_at else None,
    )


def _finding(item: Item) -> Finding:
    return Finding(Code(item["code"]), item["evidence"], item["remedy"], item.get("command"))
