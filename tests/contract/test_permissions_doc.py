"""docs/permissions.md says what the template allows and why; the ready policies are what IAM takes, and no more."""

import json
import re
from functools import cache
from typing import Any

import botocore.session
import pytest

from docs import permissions
from tests.contract.template import RESOURCES, as_list

PAGE = permissions.PAGE.read_text(encoding="utf-8")
POLICIES = sorted(path.stem for path in permissions.POLICIES.iterdir())
STATEMENTS = [
    pytest.param(name, statement, id=f"{name}-{statement['Sid']}")
    for name in POLICIES
    for statement in permissions.policy(name, {})["Statement"]
]
PLACES = {"unknown", "log", "event source", "repair", "answer", "execution", "nowhere"}


def test_the_page_is_current() -> None:
    assert permissions.page(PAGE) == PAGE, "run `make docs`"


@pytest.mark.parametrize("role", permissions.roles())
def test_of_each_statement_the_template_says_why_it_is_there_and_where_its_lack_shows(role: str) -> None:
    statements = list(permissions.statements(role))

    assert {one.sid for one in statements} == set(RESOURCES[role]["Metadata"]["Permissions"])
    for one in statements:
        assert one.why.endswith(".")
        assert one.without.endswith(".")
        assert {place for places in one.shows.values() for place in places} <= PLACES | set(RESOURCES)


@pytest.mark.parametrize("place", sorted(PLACES))
def test_the_page_says_what_each_place_means(place: str) -> None:
    assert f"- ***{place}***: " in PAGE


def test_what_the_embedded_aws_cannot_judge_is_what_some_role_may_do() -> None:
    for group in permissions.UNJUDGED:
        assert group.actions == {one.action for one in permissions.permissions() if group.covers(one)}


def test_a_statement_without_its_reason_is_no_part_of_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    role = permissions.roles()[0]
    texts = dict(RESOURCES[role]["Metadata"]["Permissions"])
    texts.popitem()
    monkeypatch.setitem(RESOURCES[role], "Metadata", {"Permissions": texts})

    with pytest.raises(KeyError):
        permissions.page(PAGE)


# --- the ready policies ---


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_is_of_the_form_that_iam_takes(name: str) -> None:
    document = permissions.policy(name, {})
    sids = [statement["Sid"] for statement in document["Statement"]]

    assert set(document) == {"Version", "Statement"}
    assert document["Version"] == "2012-10-17"
    assert len(sids) == len(set(sids))
    assert len(json.dumps(document, separators=(",", ":"))) <= 6144  # the longest managed policy, without spaces


@pytest.mark.parametrize(("name", "statement"), STATEMENTS)
def test_a_statement_allows_operations_that_exist(name: str, statement: dict[str, Any]) -> None:
    assert set(statement) <= {"Sid", "Effect", "Action", "Resource", "Condition"}
    assert re.fullmatch(r"[A-Za-z0-9]+", statement["Sid"])
    assert statement["Effect"] == "Allow"
    actions = as_list(statement["Action"])
    assert actions == sorted(set(actions))
    assert {action for action in actions if not exists(action)} <= NO_OPERATION


@pytest.mark.parametrize(("name", "statement"), STATEMENTS)
def test_a_statement_names_its_resources_or_the_page_says_why_it_cannot(name: str, statement: dict[str, Any]) -> None:
    (row,) = re.findall(rf"^\| {statement['Sid']} \| (.+) \|(.*)\|$", section(name), flags=re.MULTILINE)
    resources = as_list(statement["Resource"])

    assert all(resource.startswith("arn:PARTITION:") for resource in resources if resource != "*")
    assert bool(row[1].strip()) == ("*" in resources)


@pytest.mark.parametrize("name", POLICIES)
def test_the_page_has_a_row_for_nothing_but_a_policys_statements(name: str) -> None:
    rows = re.findall(r"^\| ([A-Z]\w+) \|", section(name), flags=re.MULTILINE)

    assert rows == [statement["Sid"] for statement in permissions.policy(name, {})["Statement"]]


@pytest.mark.parametrize("name", POLICIES)
def test_no_word_in_capitals_is_left_once_all_are_replaced(name: str) -> None:
    words = {"PARTITION": "aws", "REGION": "eu-west-1", "ACCOUNT": "111122223333", "STACK": "watch", "SECRETS": "*"}

    # What ends in # is how keys of the Registry begin.
    assert not re.search(r"\b[A-Z]{4,}\b(?!#)", json.dumps(permissions.policy(name, words)))
    assert all(f"`{word}`" in PAGE for word in words)


@pytest.mark.parametrize(("name", "statement"), STATEMENTS)
def test_nobody_may_go_round_a_function_url(name: str, statement: dict[str, Any]) -> None:
    """Whoever may invoke the function by another way writes the whole event alone, the ARN of who asks included."""
    if "lambda:InvokeFunction" in as_list(statement["Action"]):
        assert statement["Condition"] == {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}


def test_a_scan_may_read_what_the_functions_read_and_nothing_of_the_stack() -> None:
    scan = {action for one in permissions.policy("scan", {})["Statement"] for action in as_list(one["Action"])}
    reads = {
        action
        for role in ("TakeInventoryRole", "CheckReferencesRole")
        for statement in permissions.statements(role)
        for action in statement.actions
        if not action.startswith(("logs:", "sqs:", "dynamodb:", "xray:", "cloudtrail:"))
    }

    assert scan == reads | {"cloudtrail:LookupEvents"}


def test_the_statement_for_asking_is_of_the_form_that_iam_takes_too() -> None:
    (statement,) = re.findall(r"```json\n(.+?)```", PAGE, flags=re.DOTALL)

    assert json.loads(statement)["Action"] == "sqs:SendMessage"


# IAM's own, of S3 mostly: each allows an operation of another name.
NO_OPERATION = {
    "iam:PassRole",
    "lambda:InvokeFunction",
    "lambda:InvokeFunctionUrl",
    "s3:ListBucket",
    "s3:GetObjectVersion",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutEncryptionConfiguration",
}
SERVICES = {"bedrock-agentcore": "bedrock-agentcore-control", "states": "stepfunctions"}


def exists(action: str) -> bool:
    prefix, operation = action.split(":")
    return operation in operations(SERVICES.get(prefix, prefix))


@cache
def operations(service: str) -> set[str]:
    return set(botocore.session.get_session().get_service_model(service).operation_names)


def section(name: str) -> str:
    """What the page says of a ready policy."""
    return PAGE.split(f"\n### {name}\n")[1].split("\n### ")[0]
