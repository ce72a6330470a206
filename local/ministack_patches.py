"""Repairs of MiniStack 1.5.33's known defects, each on its own, each to be dropped when MiniStack is repaired.

Only the server's process imports this: MiniStack lives in an environment of its own.
"""

from __future__ import annotations

import json
import operator
import random
import threading
import time
import uuid
from contextlib import suppress
from typing import Any
from xml.sax.saxutils import escape

from ministack.core import iam_actions, iam_evaluator, lambda_runtime
from ministack.core.responses import get_account_id, get_region
from ministack.core.router import extract_access_key_id
from ministack.services import cloudwatch, eventbridge, iam, lambda_svc, sqs, stepfunctions
from ministack.services.cloudformation import provisioners

Fields = dict[str, Any]


def apply() -> None:
    """Apply every repair, before the server starts."""
    keep_exception_classes()
    keep_metric_math_alarms()
    add_message_move_tasks()
    evaluate_queue_depth_alarms()
    give_up_on_stream_records()
    authorize_batches_as_their_entries()
    deliver_reads_only_where_wanted()
    simulate_each_resource()
    tell_functions_who_called_their_url()
    deploy_composite_alarms()
    trace_every_invocation()
    fail_callbacks_with_their_function()
    evaluate_task_timeouts()
    spread_retries()


class PatchError(RuntimeError):
    """MiniStack is not what a repair was written for: see whether it is still needed."""


# --- Exception classes of failed handlers


def keep_exception_classes() -> None:
    """Report the class of a handler's exception as errorType, where MiniStack says Runtime.HandlerError for all.

    Without it no Catch of a state machine matches a function's own errors. Drop when invoking a function that raises
    KeyError answers errorType KeyError without this.
    """
    reported = '"trace": traceback.format_exc()'
    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    if script.count(reported) != 1:
        raise PatchError("the worker script reports failures in another way")
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(reported, f'{reported}, "class": type(e).__name__')

    failed = threading.local()
    invoke, execute = lambda_runtime.Worker.invoke, lambda_svc._execute_function_warm

    def invoke_and_remember(worker: Any, *args: Any, **options: Any) -> Fields:
        result: Fields = invoke(worker, *args, **options)
        failed.exception_class = result.get("class")
        return result

    def execute_and_name(function: Fields, event: Any, request_id: str) -> Fields:
        failed.exception_class = None
        result: Fields = execute(function, event, request_id)
        if result.get("error") and failed.exception_class:
            result["body"]["errorType"] = failed.exception_class
        return result

    lambda_runtime.Worker.invoke = invoke_and_remember
    lambda_svc._execute_function_warm = execute_and_name


# --- Metric math


def keep_metric_math_alarms() -> None:
    """Keep an alarm on an expression, never evaluated, where MiniStack fails the whole stack.

    Drop when a stack with an AWS::CloudWatch::Alarm that has Metrics deploys without this.
    """
    alarm_record = provisioners._cw_metric_alarm_record

    def record(name: str, properties: Fields) -> Fields:
        if not properties.get("Metrics"):
            return dict(alarm_record(name, properties))
        others = {key: value for key, value in properties.items() if key != "Metrics"}
        unevaluated = {**others, "MetricName": "MetricMath", "Namespace": "Local/NotEvaluated"}
        return {**alarm_record(name, unevaluated), "Metrics": properties["Metrics"]}

    provisioners._cw_metric_alarm_record = record


# --- Redrive of dead-letter queues


def add_message_move_tasks() -> None:
    """Add StartMessageMoveTask and ListMessageMoveTasks, which MiniStack lacks; a task is done when Start returns.

    Drop when MiniStack answers StartMessageMoveTask with anything but InvalidAction.
    """
    if "StartMessageMoveTask" in sqs._HANDLERS:
        raise PatchError("MiniStack moves messages itself")
    tasks: list[Fields] = []

    def start(request: Fields, _queue_url: str) -> Fields:
        tasks.insert(0, _move_messages(request["SourceArn"], request.get("DestinationArn")))
        return {"TaskHandle": tasks[0]["TaskHandle"]}

    def list_tasks(request: Fields, _queue_url: str) -> Fields:
        of_source = [task for task in tasks if task["SourceArn"] == request["SourceArn"]]
        return {"Results": of_source[: request.get("MaxResults", 1)]}

    sqs._HANDLERS.update({"StartMessageMoveTask": start, "ListMessageMoveTasks": list_tasks})


def _move_messages(source_arn: str, destination_arn: str | None) -> Fields:
    """Move what is visible to the given queue, or each message back to the queue that it came from."""
    source = _queue(source_arn)
    if not any(source_arn in queue["attributes"].get("RedrivePolicy", "") for queue in sqs._queues.values()):
        raise sqs._Err("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.")
    now = time.time()
    visible = [message for message in source["messages"] if message["visible_at"] <= now]
    with sqs._queues_lock:
        for message in visible:
            destination = _queue(destination_arn or message["sys"]["DeadLetterQueueSourceArn"])
            destination["messages"].append(_as_sent(message, now))
        source["messages"] = [message for message in source["messages"] if message not in visible]
    sqs.esm_wake.set()
    return {
        "TaskHandle": str(uuid.uuid4()),
        "Status": "COMPLETED",
        "SourceArn": source_arn,
        **({"DestinationArn": destination_arn} if destination_arn else {}),
        "ApproximateNumberOfMessagesMoved": len(visible),
        "ApproximateNumberOfMessagesToMove": len(visible),
        "StartedTimestamp": int(now * 1000),
    }


def _queue(arn: str) -> Fields:
    queue: Fields | None = sqs._queue_by_arn(arn)
    if queue is None:
        raise sqs._Err("ResourceNotFoundException", "The resource that you specified for the SourceArn doesn't exist.")
    return queue


def _as_sent(message: Fields, now: float) -> Fields:
    attributes = {name: value for name, value in message["sys"].items() if name != "DeadLetterQueueSourceArn"}
    unread = {"receipt_handle": None, "receive_count": 0, "first_receive_at": None, "visible_at": now}
    return {**message, **unread, "sys": attributes}


# --- Permissions of SQS batches


def authorize_batches_as_their_entries() -> None:
    """Let sqs:SendMessage allow SendMessageBatch, as SQS does, which knows no action of that name.

    Drop when a role with sqs:SendMessage alone may call SendMessageBatch without this.
    """
    action_of = iam_actions.extract_iam_action

    def action(service: str, *request: Any) -> str | None:
        named: str | None = action_of(service, *request)
        return named.removesuffix("Batch") if named and service == "sqs" else named

    iam_actions.extract_iam_action = action


# --- CloudTrail's events of reads


def deliver_reads_only_where_wanted() -> None:
    """Deliver reads to rules in state ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS, and to no others.

    MiniStack takes such a rule for a disabled one. Drop when a rule in that state gets what an ENABLED one gets, and an
    event whose detail has readOnly true besides, which the ENABLED one does not get.
    """
    dispatch = eventbridge._dispatch_event

    def dispatch_event(event: Fields, view: Any = None) -> None:
        view = view or eventbridge._pattern_event_view(event)
        if not _is_read(event):
            dispatch(event, view)
        for key, rule in _rules_for_reads(event):
            if eventbridge._matches_pattern_view(rule["EventPattern"], view, f"rule {key}"):
                for target in eventbridge._targets.get(key, []):
                    eventbridge._invoke_target(target, event, rule, view)

    eventbridge._dispatch_event = dispatch_event


def _is_read(event: Fields) -> bool:
    if event["DetailType"] != "AWS API Call via CloudTrail":
        return False
    return json.loads(event["Detail"]).get("readOnly") is True


def _rules_for_reads(event: Fields) -> list[tuple[str, Fields]]:
    return [
        (key, rule)
        for key, rule in eventbridge._rules.items()
        if rule["State"] == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
        and rule["EventPattern"]
        and rule["EventBusName"] == event["EventBusName"]
        and key not in (event.get("_DispatchPath") or [])  # as MiniStack: no rule twice on one way
    ]


# --- Alarms on the depth of a queue


DEPTH = ("AWS/SQS", "ApproximateNumberOfMessagesVisible")
COMPARISONS = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


def evaluate_queue_depth_alarms() -> None:
    """Evaluate alarms on the number of messages in a queue every second: MiniStack publishes no metric of SQS.

    Drop when such an alarm leaves INSUFFICIENT_DATA without this, and heeds its dimensions.
    """
    evaluate = cloudwatch._evaluate_alarm

    def evaluate_alarm(alarm: Fields) -> None:
        if (alarm.get("Namespace"), alarm.get("MetricName")) == DEPTH:
            _evaluate_depth(alarm)
        else:
            evaluate(alarm)

    def keep_evaluating() -> None:
        while True:
            time.sleep(1)
            with suppress(RuntimeError):  # an alarm came or went meanwhile: the next round is soon
                cloudwatch._evaluate_all_alarms()

    cloudwatch._evaluate_alarm = evaluate_alarm
    threading.Thread(target=keep_evaluating, name="queue-depth-alarms", daemon=True).start()


def _evaluate_depth(alarm: Fields) -> None:
    names = [dimension["Value"] for dimension in alarm["Dimensions"] if dimension["Name"] == "QueueName"]
    queue = sqs._queues.get(sqs._queue_name_to_url.get(names[0])) if names else None
    if queue is None:
        return
    depth = sum(message["visible_at"] <= time.time() for message in queue["messages"])
    breaching = COMPARISONS[alarm["ComparisonOperator"]](depth, alarm["Threshold"])
    state = "ALARM" if breaching else "OK"
    if state != alarm["StateValue"]:
        change = {"AlarmName": alarm["AlarmName"], "StateValue": state, "StateReason": f"{depth} messages are visible"}
        cloudwatch._set_alarm_state({}, change, is_cbor=False, is_json=True)


# --- Records of a table's stream that a function cannot process


def give_up_on_stream_records() -> None:
    """Heed BisectBatchOnFunctionError and MaximumRetryAttempts of a stream's mapping, where MiniStack tries for ever.

    Drop when a record whose handler always raises reaches the mapping's OnFailure destination without this.
    """
    execute = lambda_svc._execute_function

    def execute_or_give_up(function: Fields, event: Any) -> Fields:
        result: Fields = execute(function, event)
        mapping = _stream_mapping(function, event) if result.get("error") else None
        if mapping is None or mapping.get("MaximumRetryAttempts", -1) < 0:
            return result
        return _after_failure(execute, function, event["Records"], mapping, result)

    lambda_svc._execute_function = execute_or_give_up


def _stream_mapping(function: Fields, event: Any) -> Fields | None:
    """Return the mapping that hands records of this stream to this function."""
    records = event.get("Records") if isinstance(event, dict) else None
    stream = records[0].get("eventSourceARN", "") if records else ""
    if ":dynamodb:" not in stream:
        return None
    name = (function.get("config") or function)["FunctionName"]
    mappings = (mapping for mapping in lambda_svc._esms.values() if mapping["EventSourceArn"] == stream)
    return next((mapping for mapping in mappings if mapping["FunctionName"] == name), None)


def _after_failure(execute: Any, function: Fields, batch: list[Fields], mapping: Fields, result: Fields) -> Fields:
    """Halve the batch, or try again as often as the mapping says; then tell its OnFailure destination and go on."""
    if len(batch) > 1 and mapping.get("BisectBatchOnFunctionError"):
        middle = len(batch) // 2
        for half in (batch[:middle], batch[middle:]):
            result = execute(function, {"Records": half})
            if result.get("error"):
                result = _after_failure(execute, function, half, mapping, result)
        return result
    for _ in range(mapping["MaximumRetryAttempts"]):
        result = execute(function, {"Records": batch})
        if not result.get("error"):
            return result
    stream = mapping["EventSourceArn"]
    lambda_svc._send_ddb_stream_failure_record(mapping, function, batch, stream, result, "RetryAttemptsExhausted")
    return {"body": None}


# --- IAM's simulation


def simulate_each_resource() -> None:
    """Simulate every action on every resource, in the context that is given; MiniStack takes the first and no context.

    The answer's form is one result for each pair. Drop when SimulatePrincipalPolicy answers for two ResourceArns, and
    heeds ContextEntries, without this.
    """

    def simulate(parameters: Fields) -> Any:
        arn = iam._p(parameters, "PolicySourceArn")
        policies = _policies_of(arn)
        if policies is None:
            return iam._error(404, "NoSuchEntity", f"{arn} cannot be found.", ns="iam")
        resources = _members(parameters, "ResourceArns") or ["*"]
        context = _simulated_context(parameters)
        pairs = [(action, each) for action in _members(parameters, "ActionNames") for each in resources]
        results = "".join(_simulated(arn, action, resource, context, policies) for action, resource in pairs)
        body = f"<EvaluationResults>{results}</EvaluationResults><IsTruncated>false</IsTruncated>"
        whole = f"<SimulatePrincipalPolicyResult>{body}</SimulatePrincipalPolicyResult>"
        return iam._xml(200, "SimulatePrincipalPolicyResponse", whole, ns="iam")

    handlers = next(
        value for value in vars(iam).values() if isinstance(value, dict) and "SimulatePrincipalPolicy" in value
    )
    handlers["SimulatePrincipalPolicy"] = simulate


def _policies_of(arn: str) -> list[Any] | None:
    """Return the policies of a role or user of the account; None when there is none of that name."""
    kind, _, path = arn.rpartition(":")[2].partition("/")
    name = path.rpartition("/")[2]
    known = {"role": iam._roles, "user": iam._users}.get(kind, {})
    if name not in known or known[name]["Arn"] != arn:
        return None
    gather = iam_evaluator._gather_role_policies if kind == "role" else iam_evaluator._gather_user_policies
    policies: list[Any] = gather(name, get_account_id())
    return policies


def _simulated_context(parameters: Fields) -> Fields:
    context: Fields = {}
    number = 1
    while key := iam._p(parameters, f"ContextEntries.member.{number}.ContextKeyName"):
        values = _members(parameters, f"ContextEntries.member.{number}.ContextKeyValues")
        context[key.lower()] = values[0] if len(values) == 1 else values
        number += 1
    return context


def _members(parameters: Fields, name: str) -> list[str]:
    found: list[str] = []
    while value := iam._p(parameters, f"{name}.member.{len(found) + 1}"):
        found.append(value)
    return found


DECISIONS = {"Allow": "allowed", "Deny": "explicitDeny"}


def _simulated(arn: str, action: str, resource: str, context: Fields, policies: list[Any]) -> str:
    asked = iam_evaluator.EvalContext(
        principal_arn=arn,
        principal_type="AssumedRole",
        principal_account=get_account_id(),
        action=action,
        resource_arn=resource,
        region=get_region(),
        service_context=context,
    )
    decision = DECISIONS.get(iam_evaluator.evaluate(asked, policies).decision, "implicitDeny")
    return (
        f"<member><EvalActionName>{escape(action)}</EvalActionName><EvalResourceName>{escape(resource)}"
        f"</EvalResourceName><EvalDecision>{decision}</EvalDecision><MatchedStatements/><MissingContextValues/></member>"
    )


# --- Function URLs


def tell_functions_who_called_their_url() -> None:
    """Put authorizer.iam into the request context of a Function URL with AWS_IAM, as AWS does and MiniStack does not.

    Drop when a function behind such a URL finds requestContext.authorizer.iam.userArn without this.
    """
    build = lambda_svc._build_function_url_event

    def build_event(*request: Any, **options: Any) -> Fields:
        event: Fields = build(*request, **options)
        headers, query = request[5], request[7]
        caller = iam_evaluator.resolve_caller_identity(extract_access_key_id(headers, query))
        if caller is not None and not options.get("anonymous"):
            event["requestContext"]["authorizer"] = {"iam": _caller_of_url(caller)}
        return event

    lambda_svc._build_function_url_event = build_event


def _caller_of_url(caller: Fields) -> Fields:
    return {
        "accessKey": caller["accessKey"],
        "accountId": caller["accountId"],
        "callerId": caller["userId"],
        "cognitoIdentity": None,
        "principalOrgId": caller["principalOrgId"],
        "userArn": caller["userArn"],
        "userId": caller["userId"],
    }


# --- Composite alarms


def deploy_composite_alarms() -> None:
    """Deploy AWS::CloudWatch::CompositeAlarm, which MiniStack has as an API only.

    Drop when a stack with a composite alarm deploys without this.
    """
    kind = "AWS::CloudWatch::CompositeAlarm"
    if kind in provisioners._RESOURCE_HANDLERS:
        raise PatchError("MiniStack deploys composite alarms itself")
    provisioners._RESOURCE_HANDLERS[kind] = {
        "create": _create_composite_alarm,
        "update": _update_composite_alarm,
        "delete": _delete_composite_alarm,
    }


def _create_composite_alarm(logical_id: str, properties: Fields, stack_name: str) -> tuple[str, Fields]:
    name = properties.get("AlarmName") or provisioners._physical_name(stack_name, logical_id, max_len=255)
    return _put_composite_alarm(name, properties)


def _update_composite_alarm(name: str, _old: Fields, properties: Fields, _stack: str) -> tuple[str, Fields]:
    return _put_composite_alarm(properties.get("AlarmName") or name, properties)


def _put_composite_alarm(name: str, properties: Fields) -> tuple[str, Fields]:
    enabled = str(properties.get("ActionsEnabled", True)).lower() == "true"
    request = {**properties, "AlarmName": name, "ActionsEnabled": enabled}
    status, _, body = cloudwatch._put_composite_alarm({}, request, is_cbor=False, is_json=True)
    if status >= 400:
        raise ValueError(body.decode())
    return name, {"Arn": cloudwatch._composite_alarms[name]["AlarmArn"]}


def _delete_composite_alarm(name: str, _properties: Fields) -> None:
    cloudwatch._composite_alarms.pop(name, None)


# --- Traces


def trace_every_invocation() -> None:
    """Give functions without active tracing a trace that is not sampled, as Lambda does, where MiniStack gives none.

    Without one the X-Ray SDK logs each subsegment that it drops. Drop when such a function finds _X_AMZN_TRACE_ID
    without this.
    """
    trace_of = lambda_svc._xray_trace_id_for_invocation

    def trace(config: Fields, *inbound: Any) -> str:
        given: str | None = trace_of(config, *inbound)
        if given is None:
            given = str(trace_of({**config, "TracingConfig": {"Mode": "Active"}})).replace("Sampled=1", "Sampled=0")
        return given

    lambda_svc._xray_trace_id_for_invocation = trace


# --- State machines


def fail_callbacks_with_their_function() -> None:
    """Fail a task that waits for its token when its function fails, as AWS does, where MiniStack waits on.

    Drop when Retry and Catch of a lambda:invoke.waitForTaskToken see the error of its function without this.
    """
    asking = threading.local()
    wait, call = stepfunctions._invoke_with_callback, stepfunctions._call_lambda

    def wait_for(resource: str, arguments: Any, token: str, state: Fields) -> Any:
        asking.token = token
        return wait(resource, arguments, token, state)

    def call_and_tell(function: str, event: Any) -> Any:
        token, asking.token = getattr(asking, "token", None), None
        try:
            return call(function, event)
        except stepfunctions._ExecutionError as error:
            if waiting := stepfunctions._task_tokens.get(token):
                waiting["error"] = {"Error": error.error, "Cause": error.cause}
                waiting["event"].set()
            raise

    stepfunctions._invoke_with_callback = wait_for
    stepfunctions._call_lambda = call_and_tell


def evaluate_task_timeouts() -> None:
    """Evaluate a task's TimeoutSeconds where it is an expression, which MiniStack hands on as text.

    Drop when a task with TimeoutSeconds "{% 1 %}" fails with States.Timeout without this.
    """
    execute = stepfunctions._execute_task

    def execute_task(state: Fields, given: Any, execution: Fields, context: Fields) -> Any:
        if isinstance(state.get("TimeoutSeconds"), str):
            seconds = stepfunctions._jsonata_state_field(state, "TimeoutSeconds", "number", given, context)
            state = {**state, "TimeoutSeconds": seconds}
        return execute(state, given, execution, context)

    stepfunctions._execute_task = execute_task


def spread_retries() -> None:
    """Heed MaxDelaySeconds and JitterStrategy of a retrier, of which MiniStack knows neither.

    Drop when a retrier with MaxDelaySeconds 1 is never waited for longer than a second without this.
    """
    chosen = threading.local()
    find, sleep = stepfunctions._find_matching_retrier, stepfunctions._scaled_sleep

    def find_and_remember(*asked: Any) -> Any:
        chosen.retrier, index = find(*asked)
        return chosen.retrier, index

    def sleep_as_said(seconds: float) -> None:
        retrier, chosen.retrier = getattr(chosen, "retrier", None) or {}, None
        longest = min(seconds, retrier.get("MaxDelaySeconds", seconds))
        sleep(random.uniform(0, longest) if retrier.get("JitterStrategy") == "FULL" else longest)  # noqa: S311

    stepfunctions._find_matching_retrier = find_and_remember
    stepfunctions._scaled_sleep = sleep_as_said
