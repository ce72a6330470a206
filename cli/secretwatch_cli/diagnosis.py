"""What the facts about a stack mean: pure functions over what AWS's describing operations answer."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeAlias

from secretwatch.domain.subscription import unconfirmed
from secretwatch.domain.trail import Coverage, Shortfall, uncovered
from secretwatch_cli.result import Health, Result

Json: TypeAlias = Mapping[str, Any]

_SHOWN = 5  # names in a sentence; more are counted


def trails(coverages: Sequence[Coverage], unread: Sequence[str]) -> Result:
    """Whether the Region's changes reach EventBridge; `unread` says of which trails we cannot tell, and why."""
    check, missing = "trail", uncovered(coverages)
    if not missing:
        return Result(check, Health.OK, "CloudTrail logs the management write events of this Region, KMS included.")
    lost = f"changes of {_listed(missing)} reach EventBridge"
    if unread:
        return Result(check, Health.UNKNOWN, f"Whether {lost} cannot be told. {' '.join(unread)}")
    meaning = f"No {lost}: Secretwatch sees them at the next sweep only."
    if not coverages:
        remedy = "Create a trail that logs the management write events of this Region."
        return _fault(check, f"There is no CloudTrail trail. {meaning}", remedy)
    meaning += "".join(f" {one.trail_arn} {one.shortfall}." for one in coverages if one.shortfall)
    if stopped := [one.trail_arn for one in coverages if one.shortfall is Shortfall.STOPPED]:
        command = f"aws cloudtrail start-logging --region {stopped[0].split(':')[3]} --name {stopped[0]}"
        return _fault(check, meaning, "Start the trail that was stopped.", command)
    return _fault(check, meaning, "Let a trail log all management write events, without any exclusion.")


def rules(
    expected: Mapping[str, str],
    found: Mapping[str, Json],
    targets: Mapping[str, Sequence[Json]],
    *,
    own: Collection[str],
) -> list[Result]:
    """Whether every rule works: `expected` names by logical id; by name, the rule and its targets; `own` are ours."""
    faults = [
        fault
        for logical_id, name in expected.items()
        for fault in _rule_faults(logical_id, found.get(name), targets.get(name, ()), own)
    ]
    return faults or [Result("rules", Health.OK, f"All {len(expected)} rules are enabled and have their target.")]


def _rule_faults(logical_id: str, rule: Json | None, targets: Sequence[Json], own: Collection[str]) -> Iterator[Result]:
    if rule is None:
        yield _fault("rules", f"The rule {logical_id} is gone: its events are lost.", _PUT_BACK)
        return
    if rule["State"] == "DISABLED":
        name = f"--event-bus-name {rule.get('EventBusName', 'default')} --name {rule['Name']}"
        command = f"aws events enable-rule --region {rule['Arn'].split(':')[3]} {name}"
        yield _fault("rules", f"The rule {logical_id} is disabled: its events are lost.", "Enable it.", command)
    if not any(target["Arn"] in own for target in targets):
        yield _fault("rules", f"The rule {logical_id} has lost its target: its events are lost.", _PUT_BACK)


_PUT_BACK = "Put it back as template.yaml says; to deploy the same template again changes nothing."


def mappings(found: Mapping[str, Json | None]) -> list[Result]:
    """Whether every function takes what it should: event source mappings by logical id, None for one that is gone."""
    faults = [fault for logical_id, mapping in found.items() for fault in _mapping_faults(logical_id, mapping)]
    return faults or [Result("event sources", Health.OK, f"All {len(found)} event source mappings are enabled.")]


def _mapping_faults(logical_id: str, mapping: Json | None) -> Iterator[Result]:
    check = "event sources"
    if mapping is None:
        yield _fault(check, f"The event source mapping {logical_id} is gone: its records pile up.", _PUT_BACK)
        return
    state, outcome = mapping["State"], mapping.get("LastProcessingResult") or ""
    if state in {"Disabled", "Disabling"}:
        region = mapping["EventSourceArn"].split(":")[3]
        command = f"aws lambda update-event-source-mapping --region {region} --uuid {mapping['UUID']} --enabled"
        meaning = f"The event source mapping {logical_id} is disabled: its records pile up."
        yield _fault(check, meaning, "Enable it.", command)
    elif state != "Enabled":
        yield Result(check, Health.WARNING, f"The event source mapping {logical_id} is {state}.", "Look again soon.")
    if outcome.startswith("PROBLEM"):
        yield _fault(check, f"Lambda cannot take records for {logical_id}: {outcome}", "Mend what it says.")


def dead_letters(queues: Mapping[str, Json]) -> list[Result]:
    """Whether anything failed for good: the attributes of all queues by logical id.

    A queue of work says where its dead letters go; a queue that does not is one for failures.
    """
    policies = " ".join(queue.get("RedrivePolicy", "") for queue in queues.values())
    failures = {name: queue for name, queue in queues.items() if not queue.get("RedrivePolicy")}
    waiting = [
        _waiting(name, queue, redrivable=f'"{queue["QueueArn"]}"' in policies)
        for name, queue in failures.items()
        if int(queue["ApproximateNumberOfMessages"])
    ]
    return waiting or [Result("dead letters", Health.OK, f"All {len(failures)} queues for failures are empty.")]


def _waiting(name: str, queue: Json, *, redrivable: bool) -> Result:
    arn, many = queue["QueueArn"], queue["ApproximateNumberOfMessages"]
    meaning = f"{name} holds {many} that failed for good."
    if not redrivable:
        return Result("dead letters", Health.WARNING, meaning, "See the README, When something fails.")
    remedy = "Find out why in the function's log, mend it, then redrive."
    command = f"aws sqs start-message-move-task --region {arn.split(':')[3]} --source-arn {arn}"
    return Result("dead letters", Health.WARNING, meaning, remedy, command)


def subscriptions(found: Sequence[Json], *, topic: str, wanted: str = "") -> list[Result]:
    """Whether people hear of alerts: the subscriptions of the Alerts topic; `wanted` is the parameter AlertEmail."""
    subscribe = f"aws sns subscribe --region {topic.split(':')[3]} --topic-arn {topic} --protocol email"
    if not found and not wanted:
        remedy, command = "Subscribe somebody.", f"{subscribe} --notification-endpoint <address>"
        return [Result("alerts", Health.WARNING, "Nobody is subscribed to the Alerts topic.", remedy, command)]
    pending = [
        Result(
            "alerts",
            Health.WARNING,
            f"{endpoint} has not confirmed its subscription and gets no alert.",
            "Follow the link in the mail from AWS; this sends it again.",
            f"{subscribe} --notification-endpoint {endpoint}",
        )
        for endpoint in unconfirmed(found, wanted=wanted)
    ]
    return pending or [Result("alerts", Health.OK, f"The Alerts topic has {len(found)} confirmed subscriptions.")]


def secrets(referenced: Collection[str], patterns: str, *, stack: str, region: str) -> Result:
    """Whether every referenced secret is among those that the stack may look at: its parameter SecretArnPatterns."""
    outside = sorted(arn for arn in referenced if not any(_matches(arn, one) for one in patterns.split(",")))
    if not outside:
        meaning = f"All {len(referenced)} referenced secrets are within the parameter SecretArnPatterns."
        return Result("secrets", Health.OK, meaning)
    wider = ",".join([patterns, *outside])
    return _fault(
        "secrets",
        f"Outside the parameter SecretArnPatterns, and so never checked: {_listed(outside)}.",
        "Deploy with wider patterns, in the project's folder.",
        f"sam deploy --stack-name {stack} --region {region} --parameter-overrides 'SecretArnPatterns=\"{wider}\"'",
    )


def _matches(arn: str, pattern: str) -> bool:
    """As IAM matches: `*` is any text, `?` any character."""
    wildcards = {"*": ".*", "?": "."}
    expression = "".join(wildcards.get(character) or re.escape(character) for character in pattern.strip())
    return re.fullmatch(expression, arn, re.DOTALL) is not None


def permissions(function: str, asked: Collection[tuple[str, str]], evaluations: Iterable[Json]) -> Result:
    """Whether a function's role allows each (action, resource) that was asked, as IAM's simulation evaluated them."""
    check, decisions = f"role of {function}", dict(_decisions(evaluations))
    denied = [pair for pair in asked if decisions.get(pair) in {"implicitDeny", "explicitDeny"}]
    if denied:
        return _fault(
            check,
            f"It is refused {_pairs(denied)}.",
            "Compare the role with template.yaml; then look for a permissions boundary or an organization's policy.",
        )
    if untold := [pair for pair in asked if pair not in decisions]:
        return Result(check, Health.UNKNOWN, f"IAM's simulation says nothing certain of {_pairs(untold)}.")
    return Result(check, Health.OK, f"It is allowed all {len(asked)} actions on resources that {function} needs.")


def _decisions(evaluations: Iterable[Json]) -> Iterator[tuple[tuple[str, str], str]]:
    """Decisions by action and resource; one that hangs on context that we did not give decides nothing."""
    for one in evaluations:
        of_each = one.get("ResourceSpecificResults") or [
            {**one, "EvalResourceDecision": one["EvalDecision"]},
        ]
        for each in of_each:
            decision = each["EvalResourceDecision"]
            if decision == "allowed" or not each.get("MissingContextValues"):
                yield (one["EvalActionName"], each["EvalResourceName"]), decision


def versions(command: str | None, stack: str | None) -> Result:
    """Whether this command and the stack are of one release, but for fixes."""
    check = "version"
    if stack is None:
        return Result(check, Health.UNKNOWN, "The stack does not say its version: it is older than this command.")
    if command is None:
        return Result(check, Health.UNKNOWN, f"The stack is {stack}; this command runs from its sources.")
    if _release(command) == _release(stack):
        return Result(check, Health.OK, f"The command is {command}, the stack {stack}.")
    meaning = f"The command is {command}, the stack {stack}: what one writes the other may not know."
    return Result(
        check, Health.WARNING, meaning, "Install the command of the stack's release, or deploy the stack anew."
    )


def _release(version: str) -> list[str]:
    return version.split(".")[:2]


def _fault(check: str, meaning: str, remedy: str, command: str | None = None) -> Result:
    return Result(check, Health.PROBLEM, meaning, remedy, command)


def _pairs(pairs: Collection[tuple[str, str]]) -> str:
    return _listed(f"{action} on {resource}" for action, resource in pairs)


def _listed(names: Iterable[str]) -> str:
    """A few names, and how many more there are."""
    every = sorted(names)
    more = f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else ""
    return ", ".join(islice(every, _SHOWN)) + more
