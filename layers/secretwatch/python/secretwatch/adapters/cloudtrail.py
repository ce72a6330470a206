"""The account's trails, as AWS CloudTrail describes them."""

from typing import TYPE_CHECKING

from secretwatch.adapters.aws import translated
from secretwatch.domain.facts import Unknown
from secretwatch.domain.trail import Coverage, trail_covers
from secretwatch.errors import Permanent, Transient

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
        return [self._coverage(trail, region) for trail in trails]

    def _coverage(self, trail: "TrailTypeDef", region: str) -> Coverage | Unknown:
        """An organisation's trail may be closed to its members: then what it covers is unknown."""
        arn = trail["TrailARN"]
        try:
            with translated("GetTrailStatus"):
                status = self._client.get_trail_status(Name=arn)
            with translated("GetEventSelectors"):
                selectors = self._client.get_event_selectors(TrailName=arn)
        except (Transient, Permanent) as error:
            return Unknown(str(error), transient=isinstance(error, Transient))
        return trail_covers(trail, status, selectors, region=region)
