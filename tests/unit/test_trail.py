"""A trail covers what it logs of the watched services' management writes; several cover together what any one does."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretwatch.domain.trail import WATCHED, Coverage, Shortfall, trail_covers, uncovered

REGION = "eu-west-1"
ARN = "arn:aws:cloudtrail:eu-west-1:111122223333:trail/audit"
SECRETS, KMS, AGENTCORE = "secretsmanager.amazonaws.com", "kms.amazonaws.com", "bedrock-agentcore.amazonaws.com"
LOGGING = {"IsLogging": True}

Json = dict[str, Any]


def a_trail(**parts: Any) -> Json:
    return {"Name": "audit", "TrailARN": ARN, "HomeRegion": REGION, "IsMultiRegionTrail": False, **parts}


def basic(**parts: Any) -> Json:
    """A basic selector as GetEventSelectors tells it; unless said otherwise, of a trail that nobody narrowed."""
    return {
        "ReadWriteType": "All",
        "IncludeManagementEvents": True,
        "DataResources": [],
        "ExcludeManagementEventSources": [],
        **parts,
    }


def advanced(*fields: Json) -> Json:
    """An advanced selector of management events."""
    return {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}, *fields]}


def sources(*, basic: list[Json] | None = None, advanced: list[Json] | None = None) -> frozenset[str]:
    """What a logging trail of the Region covers with these selectors."""
    selectors = {"EventSelectors": basic} if basic is not None else {"AdvancedEventSelectors": advanced}
    return trail_covers(a_trail(), LOGGING, selectors, region=REGION).sources


# --- Region and logging ---


@pytest.mark.parametrize(
    "trail",
    [
        pytest.param(a_trail(), id="its home Region"),
        pytest.param(a_trail(IsMultiRegionTrail=True, HomeRegion="us-east-1"), id="all Regions, from another"),
        pytest.param(a_trail(IsMultiRegionTrail=True, IsOrganizationTrail=True), id="an organization's"),
    ],
)
def test_a_logging_trail_that_reaches_the_region_covers_everything(trail: Json) -> None:
    coverage = trail_covers(trail, LOGGING, {"EventSelectors": [basic()]}, region=REGION)

    assert coverage == Coverage(ARN, WATCHED)


def test_a_trail_of_another_region_covers_nothing() -> None:
    trail = a_trail(HomeRegion="us-east-1")

    coverage = trail_covers(trail, LOGGING, {"EventSelectors": [basic()]}, region=REGION)

    assert coverage == Coverage(ARN, frozenset(), Shortfall.OTHER_REGION)


@pytest.mark.parametrize("status", [{"IsLogging": False}, {}])
def test_a_trail_that_does_not_log_covers_nothing(status: Json) -> None:
    coverage = trail_covers(a_trail(), status, {"EventSelectors": [basic()]}, region=REGION)

    assert coverage == Coverage(ARN, frozenset(), Shortfall.STOPPED)


def test_a_trail_that_leaves_something_out_says_so() -> None:
    selectors = {"EventSelectors": [basic(ExcludeManagementEventSources=[KMS])]}

    coverage = trail_covers(a_trail(), LOGGING, selectors, region=REGION)

    assert coverage == Coverage(ARN, WATCHED - {KMS}, Shortfall.LEAVES_OUT)


# --- basic selectors ---


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        pytest.param(basic(ReadWriteType="WriteOnly"), WATCHED, id="writes are enough"),
        pytest.param(basic(ReadWriteType="ReadOnly"), frozenset(), id="reads are not"),
        pytest.param(basic(IncludeManagementEvents=False), frozenset(), id="data events only"),
        pytest.param(basic(ExcludeManagementEventSources=[KMS]), WATCHED - {KMS}, id="KMS is left out"),
        pytest.param(basic(ExcludeManagementEventSources=["rdsdata.amazonaws.com"]), WATCHED, id="others may be"),
        pytest.param({}, WATCHED, id="what is not said is logged"),
    ],
)
def test_a_basic_selector_takes_management_writes(selector: Json, expected: frozenset[str]) -> None:
    assert sources(basic=[selector]) == expected


# --- advanced selectors ---


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        pytest.param(advanced(), WATCHED, id="all management events"),
        pytest.param(advanced({"Field": "readOnly", "Equals": ["false"]}), WATCHED, id="writes are enough"),
        pytest.param(advanced({"Field": "readOnly", "Equals": ["true"]}), frozenset(), id="reads are not"),
        pytest.param(
            advanced({"Field": "eventSource", "NotEquals": [KMS, "rdsdata.amazonaws.com"]}),
            WATCHED - {KMS},
            id="KMS is left out",
        ),
        pytest.param(advanced({"Field": "eventSource", "Equals": [SECRETS, AGENTCORE]}), WATCHED - {KMS}, id="named"),
        pytest.param(
            advanced({"Field": "eventSource", "StartsWith": ["kms."], "NotEndsWith": [".com"]}),
            frozenset(),
            id="every operator of a field has to hold",
        ),
        pytest.param(
            advanced({"Field": "eventName", "NotEquals": ["Decrypt"]}),
            frozenset(),
            id="some events are not every event",
        ),
        pytest.param(
            {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]}]}, frozenset(), id="data events only"
        ),
        pytest.param(
            {"FieldSelectors": [{"Field": "readOnly", "Equals": ["false"]}]}, frozenset(), id="of no category"
        ),
    ],
)
def test_an_advanced_selector_takes_what_meets_all_its_fields(selector: Json, expected: frozenset[str]) -> None:
    assert sources(advanced=[selector]) == expected


@pytest.mark.parametrize("selectors", [{"EventSelectors": []}, {"AdvancedEventSelectors": []}, {}])
def test_a_trail_without_selectors_covers_nothing(selectors: Json) -> None:
    assert trail_covers(a_trail(), LOGGING, selectors, region=REGION).sources == frozenset()


# --- whatever the selectors ---

event_sources = st.sampled_from([SECRETS, KMS, AGENTCORE, "rdsdata.amazonaws.com"])
basic_selectors = st.builds(
    basic,
    ReadWriteType=st.sampled_from(["All", "ReadOnly", "WriteOnly"]),
    IncludeManagementEvents=st.booleans(),
    ExcludeManagementEventSources=st.lists(event_sources, max_size=2),
)


def as_advanced(selector: Json) -> Json:
    """The advanced selector that says the same."""
    read_only = {"ReadOnly": ["true"], "WriteOnly": ["false"]}.get(selector["ReadWriteType"])
    excluded = selector["ExcludeManagementEventSources"]
    category = "Management" if selector["IncludeManagementEvents"] else "Data"
    return {
        "FieldSelectors": [
            {"Field": "eventCategory", "Equals": [category]},
            *([{"Field": "readOnly", "Equals": read_only}] if read_only else []),
            *([{"Field": "eventSource", "NotEquals": excluded}] if excluded else []),
        ]
    }


@given(st.lists(basic_selectors, max_size=4))
def test_a_basic_selector_and_the_advanced_one_that_says_the_same_cover_the_same(selectors: list[Json]) -> None:
    assert sources(basic=selectors) == sources(advanced=[as_advanced(selector) for selector in selectors])


@given(st.lists(basic_selectors, max_size=4), basic_selectors)
def test_a_selector_more_never_covers_less(selectors: list[Json], another: Json) -> None:
    assert sources(basic=selectors) <= sources(basic=[*selectors, another])


# --- several trails ---

coverages = st.builds(Coverage, st.just(ARN), st.frozensets(st.sampled_from(sorted(WATCHED))))


@given(st.lists(coverages, max_size=4))
def test_a_source_is_uncovered_when_no_trail_covers_it(found: list[Coverage]) -> None:
    assert uncovered(found) == {source for source in WATCHED if all(source not in one.sources for one in found)}


def test_without_any_trail_everything_is_uncovered() -> None:
    assert uncovered([]) == WATCHED
