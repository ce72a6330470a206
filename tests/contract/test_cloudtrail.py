"""Every trail of the account is asked by its ARN; one that will not answer is unknown, and hides no other."""

from typing import Any

import pytest

from secretwatch.adapters.cloudtrail import CloudTrailTrails
from secretwatch.domain.facts import Unknown
from secretwatch.domain.trail import WATCHED, Coverage, Shortfall
from secretwatch.errors import Permanent, SecretwatchError, Transient
from tests.contract.stubs import MakeStub, Stub
from tests.fakes import ACCOUNT, REGION

ELSEWHERE, MANAGEMENT_ACCOUNT = "us-east-1", "444455556666"


@pytest.fixture
def aws(make_stub: MakeStub) -> Stub:
    return make_stub("cloudtrail")


def trail_arn(name: str, region: str = REGION, account: str = ACCOUNT) -> str:
    return f"arn:aws:cloudtrail:{region}:{account}:trail/{name}"


def a_trail(name: str = "all", *, region: str = REGION, account: str = ACCOUNT, multi: bool = True) -> dict[str, Any]:
    """An item of DescribeTrails: a trail of all Regions, unless said otherwise."""
    return {
        "Name": name,
        "TrailARN": trail_arn(name, region, account),
        "HomeRegion": region,
        "IsMultiRegionTrail": multi,
        "IsOrganizationTrail": account != ACCOUNT,
    }


def selectors(**parts: Any) -> dict[str, Any]:
    """Basic selectors: all management events, unless said otherwise."""
    return {"EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": []} | parts]}


def describe(aws: Stub, *trails: dict[str, Any]) -> None:
    aws.add_response("describe_trails", {"trailList": list(trails)}, {})


def answer(aws: Stub, trail: dict[str, Any], *, logging: bool = True, **selector: Any) -> None:
    """The answers to both questions about the trail."""
    arn = trail["TrailARN"]
    aws.add_response("get_trail_status", {"IsLogging": logging}, {"Name": arn})
    aws.add_response("get_event_selectors", {"TrailARN": arn, **selectors(**selector)}, {"TrailName": arn})


def coverages(aws: Stub) -> list[Coverage | Unknown]:
    return CloudTrailTrails(aws.client).coverages(REGION)


def test_an_account_without_trails_has_no_coverage(aws: Stub) -> None:
    describe(aws)

    assert coverages(aws) == []


def test_a_trail_that_logs_all_management_events_covers_all_that_is_watched(aws: Stub) -> None:
    describe(aws, a_trail())
    answer(aws, a_trail())

    assert coverages(aws) == [Coverage(trail_arn("all"), WATCHED)]


def test_a_trail_of_another_region_is_asked_by_its_arn_and_covers_this_one_if_it_covers_all(aws: Stub) -> None:
    everywhere = a_trail("everywhere", region=ELSEWHERE)
    there_only = a_trail("there-only", region=ELSEWHERE, multi=False)
    describe(aws, everywhere, there_only)
    answer(aws, everywhere)
    answer(aws, there_only)

    assert coverages(aws) == [
        Coverage(trail_arn("everywhere", ELSEWHERE), WATCHED),
        Coverage(trail_arn("there-only", ELSEWHERE), frozenset(), Shortfall.OTHER_REGION),
    ]


def test_a_trail_that_was_stopped_covers_nothing(aws: Stub) -> None:
    describe(aws, a_trail())
    answer(aws, a_trail(), logging=False)

    assert coverages(aws) == [Coverage(trail_arn("all"), frozenset(), Shortfall.STOPPED)]


def test_a_trail_that_leaves_out_keys_covers_the_rest(aws: Stub) -> None:
    describe(aws, a_trail())
    answer(aws, a_trail(), ExcludeManagementEventSources=["kms.amazonaws.com"])

    assert coverages(aws) == [Coverage(trail_arn("all"), WATCHED - {"kms.amazonaws.com"}, Shortfall.LEAVES_OUT)]


def test_advanced_selectors_are_read_too(aws: Stub) -> None:
    fields = [{"Field": "eventCategory", "Equals": ["Management"]}, {"Field": "readOnly", "Equals": ["false"]}]
    describe(aws, a_trail())
    aws.add_response("get_trail_status", {"IsLogging": True})
    aws.add_response("get_event_selectors", {"AdvancedEventSelectors": [{"Name": "writes", "FieldSelectors": fields}]})

    assert coverages(aws) == [Coverage(trail_arn("all"), WATCHED)]


def test_an_organisations_trail_that_keeps_its_selectors_to_itself_is_unknown(aws: Stub) -> None:
    organisations = a_trail("organisation", account=MANAGEMENT_ACCOUNT)
    describe(aws, organisations, a_trail())
    aws.add_response("get_trail_status", {"IsLogging": True}, {"Name": organisations["TrailARN"]})
    aws.add_client_error("get_event_selectors", "TrailNotFoundException", "not yours", 400)
    answer(aws, a_trail())

    assert coverages(aws) == [
        Unknown("GetEventSelectors: TrailNotFoundException", transient=False),
        Coverage(trail_arn("all"), WATCHED),
    ]


@pytest.mark.parametrize(
    ("code", "status", "transient"),
    [
        pytest.param("AccessDeniedException", 400, False, id="refused"),
        pytest.param("ThrottlingException", 400, True, id="throttled"),
        pytest.param("InternalFailure", 500, True, id="not well"),
    ],
)
@pytest.mark.parametrize("refused", ["GetTrailStatus", "GetEventSelectors"])
def test_a_trail_that_cannot_be_read_says_why_and_whether_later_may_help(
    aws: Stub, refused: str, code: str, status: int, transient: bool
) -> None:
    describe(aws, a_trail())
    if refused == "GetTrailStatus":
        aws.add_client_error("get_trail_status", code, "no", status)
    else:
        aws.add_response("get_trail_status", {"IsLogging": True})
        aws.add_client_error("get_event_selectors", code, "no", status)

    assert coverages(aws) == [Unknown(f"{refused}: {code}", transient=transient)]


@pytest.mark.parametrize(
    ("code", "expected"), [("AccessDeniedException", Permanent), ("ThrottlingException", Transient)]
)
def test_without_the_list_of_trails_nothing_is_said_of_any(
    aws: Stub, code: str, expected: type[SecretwatchError]
) -> None:
    aws.add_client_error("describe_trails", code, "no", 400)

    with pytest.raises(expected, match=f"^DescribeTrails: {code}$"):
        coverages(aws)
