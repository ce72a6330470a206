"""The dashboard shows metrics that there are: CloudWatch takes any name, and draws an empty line."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest

from secretwatch.ports import ChannelName
from tests.contract.template import FUNCTIONS, RESOURCES, ROOT, TEMPLATE, of_type

OVERVIEW = RESOURCES["Overview"]
PSEUDO = {"AWS::Region": "eu-west-1", "AWS::StackName": "secretwatch"}
PLACEHOLDER = re.compile(r"[$][{]([\w:.]+)[}]")
COLUMNS = 24

# What AWS counts, by namespace: the dimension and the metrics that stand here.
OF_AWS = {
    "AWS/SQS": ("QueueName", {"ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"}),
    "AWS/SNS": ("TopicName", {"NumberOfNotificationsFailed"}),
    "AWS/Lambda": ("FunctionName", {"Errors", "Throttles", "IteratorAge"}),
    "AWS/States": ("StateMachineArn", {"ExecutionsAborted"}),
}
OF_AGENTCORE = {"ApiKeyFetchFailures", "ResourceAccessTokenFetchFailures"}


def substituted(placeholder: re.Match[str]) -> str:
    """What `!Sub` puts there, told apart from literal text: the logical id in angle brackets."""
    name = placeholder[1]
    if name in TEMPLATE["Parameters"]:
        return str(TEMPLATE["Parameters"][name]["Default"])
    if name in PSEUDO:
        return PSEUDO[name]
    assert name.split(".")[0] in RESOURCES, name
    return f"<{name}>"


BODY = json.loads(PLACEHOLDER.sub(substituted, OVERVIEW["Properties"]["DashboardBody"]["Fn::Sub"]))
WIDGETS: list[dict[str, Any]] = BODY["widgets"]
CHARTS = [one["properties"] for one in WIDGETS if one["type"] == "metric"]
METRICS = [metric for chart in CHARTS for metric in chart["metrics"] if isinstance(metric[0], str)]
SEARCHES = [metric[0]["expression"] for chart in CHARTS for metric in chart["metrics"] if isinstance(metric[0], dict)]


def ours() -> set[str]:
    """Every metric that the code counts."""
    sources = [ROOT / "layers/secretwatch/python/secretwatch/telemetry.py", *(ROOT / "functions").rglob("app.py")]
    texts = [path.read_text(encoding="utf-8") for path in sources]
    named = {name for text in texts for name in re.findall(r'(?:count|_metric)\(\s*"(\w+)"', text)}
    chosen = "".join(re.findall(r"^(?:_BY_VERDICT|_REPAIRS) = ([^}]+)}$", texts[0], flags=re.MULTILINE))
    either = {name for text in texts for name in re.findall(r'count\("(\w+)" if .+ else "(\w+)"\)', text)}
    return named | set(re.findall(r'"(\w+)"', chosen)) | {name for pair in either for name in pair}


def alarmed() -> Iterator[dict[str, Any]]:
    """Every metric that an alarm looks at."""
    for alarm in of_type("AWS::CloudWatch::Alarm").values():
        if "Metrics" in alarm:
            yield from (one["MetricStat"]["Metric"] for one in alarm["Metrics"] if "MetricStat" in one)
        else:
            yield alarm


def test_one_switch_says_whether_there_is_a_dashboard() -> None:
    assert OVERVIEW["Condition"] == "HasDashboard"
    assert TEMPLATE["Conditions"]["HasDashboard"] == {"Fn::Equals": [{"Ref": "Dashboard"}, "on"]}


def test_widgets_lie_beside_each_other_within_the_grid() -> None:
    for one in WIDGETS:
        assert 0 <= one["x"] < one["x"] + one["width"] <= COLUMNS
        assert one["y"] >= 0
        assert one["height"] > 0
    for one, other in combinations(WIDGETS, 2):
        beside = one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
        below = one["y"] + one["height"] <= other["y"] or other["y"] + other["height"] <= one["y"]
        assert beside or below


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: f"{metric[1]}-{metric[3]}")
def test_a_metric_is_one_that_somebody_counts(metric: list[Any]) -> None:
    namespace, name, dimension, value = metric[:4]

    if namespace == "Secretwatch":
        assert name in ours()
        assert (dimension, value) == ("service", "secretwatch")
    else:
        assert (dimension, name in OF_AWS[namespace][1]) == (OF_AWS[namespace][0], True)
        assert re.fullmatch(r"<\w+(\.\w+Name)?>", value)  # a resource of the stack, by what its metrics call it


@pytest.mark.parametrize("search", SEARCHES)
def test_a_search_is_for_metrics_that_somebody_counts(search: str) -> None:
    (name,) = re.findall(r'MetricName="(\w+)"', search)

    if "{Secretwatch,code,service}" in search:
        assert name in ours()
    else:
        assert 'Namespace="AWS/Bedrock-AgentCore"' in search
        assert name in OF_AGENTCORE


@pytest.mark.parametrize("metric", list(alarmed()), ids=lambda metric: metric["MetricName"])
def test_an_alarm_looks_at_a_metric_that_somebody_counts(metric: dict[str, Any]) -> None:
    (dimension, value), *others = [(one["Name"], one["Value"]) for one in metric["Dimensions"]]

    if metric["Namespace"] == "Secretwatch":
        assert metric["MetricName"] in ours()
        assert (dimension, value) == ("service", "secretwatch")
        assert not others or (metric["MetricName"], others[0][0]) == ("AlertsFailed", "channel")
    else:
        assert (dimension, others) == (OF_AWS[metric["Namespace"]][0], [])
        assert metric["MetricName"] in OF_AWS[metric["Namespace"]][1]


def test_each_way_to_people_and_programs_has_an_alarm_that_says_which_it_is() -> None:
    alarms = {
        dimension["Value"]: name
        for name, alarm in of_type("AWS::CloudWatch::Alarm").items()
        for dimension in alarm.get("Dimensions", [])
        if dimension["Name"] == "channel"
    }

    assert alarms == {channel.value: f"{channel.value.title()}FailedAlarm" for channel in ChannelName}


def test_every_alarm_queue_and_function_is_to_be_seen() -> None:
    (alarms,) = [one["properties"]["alarms"] for one in WIDGETS if one["type"] == "alarm"]
    shown = {metric[3].strip("<>").split(".")[0] for metric in METRICS}

    assert sorted(alarms) == sorted(f"<{name}.Arn>" for name in of_type("AWS::CloudWatch::Alarm"))
    assert shown >= set(of_type("AWS::SQS::Queue")) | set(FUNCTIONS)


def test_a_chart_says_what_it_shows_and_in_which_region() -> None:
    for chart in CHARTS:
        assert chart["title"]
        assert chart["region"] == "eu-west-1"
