"""The account's trails, as AWS CloudTrail describes them."""

from functools import partial
from typing import TYPE_CHECKING

from secretwatch.adapters.aws import translated
from secretwatch.attempts import or_unknown
from secretwatch.domain.facts import Unknown
from secretwatch.domain.trail import Coverage, trail_covers

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail import CloudTrailClient
    from mypy_boto3_cloudtrail.type_defs import TrailTypeDef


class CloudTrailTrails:
    """`ports.Trails` on CloudTrail."""

    def __init__(self, client: "CloudTrailClient") -> None:
        """`client` is a boto3 CloudTrail client."""
        self._client = client

    def coverages(self, region: str) -> list[Coverage | Unknown]:
        """DescribeTrails, which names other Regions' and the organisation's trails too; then two reads a trail."""
        with translated("DescribeTrails"):
            trails = self._client.describe_trails()["trailList"]
        # An organisation's trail may be closed to its members: then what it covers is unknown.
        return [or_unknown(partial(self._coverage, trail, region)) for trail in trails]

    def _coverage(self, trail: "TrailTypeDef", region: str) -> Coverage:
        arn = trail["TrailARN"]
        with translated("GetTrailStatus"):
            status = self._client.get_trail_status(Name=arn)
        with translated("GetEventSelectors"):
            selectors = self._client.get_event_selectors(TrailName=arn)
        return trail_covers(trail, status, selectors, region=region)
