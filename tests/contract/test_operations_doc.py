"""docs/operations.md has an entry for whatever sends a person there, and its commands name what there is."""

import re

import pytest

from docs import operations
from secretwatch.domain.catalogue import EXPLANATIONS
from secretwatch.domain.finding import Code
from tests.contract.template import FUNCTIONS, RESOURCES, ROOT, TEMPLATE, of_type

PAGE = operations.PAGE.read_text(encoding="utf-8")
HEADINGS = re.findall(r"^#{2,3} (.+)$", PAGE, flags=re.MULTILINE)
ANCHORS = {heading.lower().replace(" ", "-") for heading in HEADINGS}
ALARMS = of_type("AWS::CloudWatch::Alarm")


def section(heading: str) -> str:
    """What the page says under a heading of the second or third level."""
    (_, found) = re.split(rf"^#{{2,3}} {heading}\n", PAGE, flags=re.MULTILINE)
    return re.split(r"^#{2,3} ", found, flags=re.MULTILINE)[0]


def test_the_page_is_current() -> None:
    assert operations.page(PAGE) == PAGE, "run `make docs`"


def test_there_is_an_entry_for_each_alarm_and_for_no_other() -> None:
    assert {heading for heading in HEADINGS if heading.endswith("Alarm")} == set(ALARMS)


@pytest.mark.parametrize("alarm", ALARMS)
def test_an_alarms_link_leads_to_its_entry_which_says_what_to_do(alarm: str) -> None:
    link = ALARMS[alarm]["AlarmDescription"]["Fn::Sub"].rsplit("#", 1)[1]

    assert link in ANCHORS
    assert len(section(alarm).split()) > 15


@pytest.mark.parametrize("code", Code)
def test_a_finding_has_the_text_of_explain(code: Code) -> None:
    assert EXPLANATIONS[code].meaning in section(code)
    assert EXPLANATIONS[code].mend in section(code)


def test_every_link_within_the_page_leads_somewhere() -> None:
    assert set(re.findall(r"\]\(#([\w-]+)\)", PAGE)) <= ANCHORS


@pytest.mark.parametrize("page", ["README.md", "docs/alerts.md", "docs/costs.md", "docs/permissions.md"])
def test_every_link_from_another_page_leads_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")

    assert set(re.findall(r"operations\.md#([\w-]+)\)", text)) <= ANCHORS


def test_the_commands_name_resources_that_there_are() -> None:
    named = set(re.findall(r"\$\(of (\w+)\)", PAGE))
    (paused,) = re.findall(r"for name in ([\w ]+); do", section("Pause everything"))

    assert named <= set(RESOURCES)
    assert set(paused.split()) == {name for name, one in FUNCTIONS.items() if "Events" in one}
    assert set(re.findall(r"\$\(of (\w+Logs)\)", section("Follow one change"))) == set(of_type("AWS::Logs::LogGroup"))


def test_the_queues_that_take_failures_are_told_with_what_to_do() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", section("Redrive"), flags=re.MULTILINE)
    alarmed = {name.removesuffix("Alarm") for name in ALARMS} & set(of_type("AWS::SQS::Queue"))

    assert sorted(rows) == sorted(alarmed)


def test_parameters_that_the_page_names_are_the_stacks() -> None:
    named = set(re.findall(r"parameter `(\w+)`", PAGE)) | set(re.findall(r"`(\w+(?:Minutes|Hours|Schedule))`", PAGE))

    assert named <= set(TEMPLATE["Parameters"]) | set(RESOURCES) | {"SlackSecretArn"}
