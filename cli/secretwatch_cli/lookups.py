"""CloudTrail's event history of an account and Region, looked up by the names of events: two calls a second at most."""

import json
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from secretwatch.adapters.aws import translated
from secretwatch.attempts import or_unknown
from secretwatch.domain.facts import Unknown
from secretwatch.domain.observed import READS
from secretwatch.domain.reference import Reference
from secretwatch_cli.history import LOOKED_FOR, History, read_history

KEPT = timedelta(days=90)
_PAGE = 50  # LookupEvents gives no more
_PAGES = 120  # of one event: 6,000 records, eighty seconds


class Lookups:
    """LookupEvents, page by page, up to a bound."""

    def __init__(
        self,
        client: Any,
        *,
        tell: Callable[[str], None] = lambda _text: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        most_pages: int = _PAGES,
    ) -> None:
        """`client` is a boto3 CloudTrail client; `tell` is told what was left out."""
        self._client = client
        self._tell = tell
        self._clock = clock
        self._most_pages = most_pages

    def history(self, references: Collection[Reference]) -> History:
        """What the last 90 days tell of these references; nothing when CloudTrail may not be asked."""
        since = self._clock() - KEPT
        records: list[dict[str, Any]] = []
        complete = True
        for name in LOOKED_FOR:
            found = or_unknown(lambda name=name: self._named(name, since))  # type: ignore[misc]
            if isinstance(found, Unknown):
                self._tell(f"The event history could not be read: {found.reason}.")
                return History()
            some, whole = found
            records += some
            complete = complete and (whole or name in READS)
        return read_history(records, references, unchanged_since=since if complete else None)

    def _named(self, name: str, since: datetime) -> tuple[list[dict[str, Any]], bool]:
        """The records of an event, the newest first, and whether they are all."""
        records: list[dict[str, Any]] = []
        token: dict[str, str] = {}
        for _ in range(self._most_pages):
            with translated("LookupEvents"):
                page = self._client.lookup_events(
                    LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}],
                    StartTime=since,
                    MaxResults=_PAGE,
                    **token,
                )
            records += [json.loads(event["CloudTrailEvent"]) for event in page["Events"]]
            if not page.get("NextToken"):
                return records, True
            token = {"NextToken": page["NextToken"]}
        self._tell(f"There are too many {name} events: looked back to {records[-1]['eventTime']} only.")
        return records, False
