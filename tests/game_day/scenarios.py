"""One scenario for each alarm: it causes what the alarm is about, and returns the value of the alarm's metric."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from tests.api.client import Api, ApiError, upload
from tests.game_day.alarms import ALARMS, Emulator
from tests.measure.imports import write_sample

#: How long an effect may take on the local stack.
PATIENCE_SECONDS = 60
#: Longer than the period of the rule that starts `Sweep`.
SWEEP_SECONDS = 75
#: A message of this age proves that its queue is not read: functions poll every second.
UNREAD_SECONDS = 8


def eventually(value: Callable[[], float], at_least: float) -> float:
    """Returns a value when it has grown to its bound, or what it is when the patience ends."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := value()) < at_least and time.monotonic() < deadline:
        time.sleep(0.5)
    return found


def send_dead_letter(emulator: Emulator) -> None:
    """Puts the message of a job into the dead-letter queue of `Finalize`. The job has no file."""
    job = Api.of(emulator.stack).create_job(emulator.stack.facilities[0])
    queue = emulator.resource("FinishedDeadLetters")
    emulator.client("sqs").send_message(QueueUrl=queue, MessageBody=json.dumps({"job": job["requestId"]}))


def import_file(emulator: Emulator) -> None:
    """Uploads a small file."""
    job = Api.of(emulator.stack).create_job(emulator.stack.facilities[0])
    upload(job["uploadUrl"], write_sample(emulator.stack, 20))


def read_queue(emulator: Emulator, queue: str, enabled: bool) -> None:
    """Lets Lambda read a queue, or not."""
    awslambda = emulator.client("lambda")
    name = emulator.resource(queue).rsplit("/", 1)[-1]
    for mapping in awslambda.list_event_source_mappings()["EventSourceMappings"]:
        if mapping["EventSourceArn"].rsplit(":", 1)[-1] == name:
            awslambda.update_event_source_mapping(UUID=mapping["UUID"], Enabled=enabled)


def seconds_in_queue(emulator: Emulator, queue: str, send: Callable[[Emulator], None]) -> float:
    """Returns how old the message in a queue becomes that no function reads, up to a bound."""
    url = emulator.resource(queue)
    read_queue(emulator, queue, False)
    time.sleep(2)
    send(emulator)
    attribute = "ApproximateNumberOfMessages"

    def waiting() -> float:
        attributes = emulator.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[attribute])["Attributes"]
        return float(attributes[attribute])

    waits = eventually(waiting, 1)
    began = time.monotonic()
    while waits and time.monotonic() - began < UNREAD_SECONDS:
        time.sleep(1)
        waits = waiting()
    read_queue(emulator, queue, True)
    return time.monotonic() - began if waits else 0.0


def firing_without_cause(emulator: Emulator) -> list[str]:
    """Imports a file as on any day. Returns the metrics that are not zero then."""
    import_file(emulator)
    processed = eventually(
        lambda: sum("Finished job handled" in line for line in emulator.log_lines("FinalizeLogs")), 1
    )
    assert processed, "the file was not imported"
    values: dict[str, float] = {
        metric: emulator.counted(metric) for metric in ("WorkAbandoned", "VersioningSuspended", "ErrorsLogged")
    }
    values |= {"Errors": emulator.of_function("Errors", "Finalize")}
    values |= {"Throttles": emulator.of_function("Throttles", "FanOut")}
    return [metric for metric, value in values.items() if value]


def work_abandoned(emulator: Emulator) -> float:
    """A message that `Finalize` could not handle arrives at `Abandon`."""
    send_dead_letter(emulator)
    return eventually(lambda: emulator.counted("WorkAbandoned"), ALARMS["WorkAbandonedAlarm"]["Threshold"])


def versioning_suspended(emulator: Emulator) -> float:
    """An administrator suspends the versioning of the bucket, and a file is uploaded."""
    bucket = emulator.stack.outputs["FilesBucket"]
    s3 = emulator.client("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    try:
        import_file(emulator)
        return eventually(lambda: emulator.counted("VersioningSuspended"), 1)
    finally:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})


def errors_logged(emulator: Emulator) -> float:
    """Work of several jobs is abandoned."""
    for _ in range(ALARMS["ErrorsLoggedAlarm"]["Threshold"]):
        send_dead_letter(emulator)
    return eventually(lambda: emulator.counted("ErrorsLogged"), ALARMS["ErrorsLoggedAlarm"]["Threshold"])


def dead_letters_wait(emulator: Emulator) -> float:
    """`Abandon` does not read a dead-letter queue."""
    return seconds_in_queue(emulator, "FinishedDeadLetters", send_dead_letter)


def work_waits(emulator: Emulator) -> float:
    """`ImportRows` does not read the queue of small jobs."""
    return seconds_in_queue(emulator, "SmallJobChunks", import_file)


def api_fails(emulator: Emulator) -> float:
    """`Api` loses the rights of its role."""
    iam, role = emulator.client("iam"), emulator.resource("ApiRole")
    policy = iam.get_role_policy(RoleName=role, PolicyName="api")["PolicyDocument"]
    iam.delete_role_policy(RoleName=role, PolicyName="api")
    failed = 0
    try:
        for _ in range(ALARMS["ApiFailsAlarm"]["Threshold"]):
            try:
                Api.of(emulator.stack).call("GET", "/medical/v1/facility")
            except ApiError as error:
                failed += ": 5" in str(error)
    finally:
        iam.put_role_policy(RoleName=role, PolicyName="api", PolicyDocument=json.dumps(policy))
    return failed


def invoke(emulator: Emulator, function: str, event: Any) -> None:
    """Invokes a function. A refusal or a failure is what the scenarios are about."""
    try:
        emulator.client("lambda").invoke(FunctionName=emulator.resource(function), Payload=json.dumps(event))
    except ClientError as error:
        print(f"  {function} was not invoked: {error}")


def function_fails(emulator: Emulator) -> float:
    """A function gets events that it cannot read."""
    for _ in range(ALARMS["FunctionFailsAlarm"]["Threshold"]):
        invoke(emulator, "Finalize", {"Records": "none"})
    return emulator.of_function("Errors", "Finalize")


def function_throttled(emulator: Emulator) -> float:
    """`FanOut` has no concurrent execution left."""
    awslambda, function = emulator.client("lambda"), emulator.resource("FanOut")
    awslambda.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    try:
        invoke(emulator, "FanOut", {"Records": []})
    finally:
        awslambda.delete_function_concurrency(FunctionName=function)
    return emulator.of_function("Throttles", "FanOut")


def sweep_stopped(emulator: Emulator) -> float:
    """The rule that starts `Sweep` every minute is disabled, after it was seen to work."""
    events, function = emulator.client("events"), emulator.resource("Sweep")

    def runs() -> int:
        # The emulator publishes no metrics of what a rule starts, but it logs each run as Lambda does.
        return sum(line.startswith("REPORT RequestId:") for line in emulator.log_lines("SweepLogs"))

    deadline = time.monotonic() + SWEEP_SECONDS
    while runs() < 1 and time.monotonic() < deadline:
        time.sleep(1)
    assert runs() >= 1, "Sweep never ran, so its silence would prove nothing"
    arn = emulator.client("lambda").get_function(FunctionName=function)["Configuration"]["FunctionArn"]
    for rule in events.list_rule_names_by_target(TargetArn=arn)["RuleNames"]:
        events.disable_rule(Name=rule)
    time.sleep(2)
    before = runs()
    time.sleep(SWEEP_SECONDS)
    return runs() - before


SCENARIOS: dict[str, Callable[[Emulator], float]] = {
    "WorkAbandonedAlarm": work_abandoned,
    "VersioningSuspendedAlarm": versioning_suspended,
    "ErrorsLoggedAlarm": errors_logged,
    "DeadLettersWaitAlarm": dead_letters_wait,
    "WorkWaitsAlarm": work_waits,
    "ApiFailsAlarm": api_fails,
    "FunctionFailsAlarm": function_fails,
    "FunctionThrottledAlarm": function_throttled,
    "SweepStoppedAlarm": sweep_stopped,
}
#: Alarms with a threshold that is longer than a test may take, and the least value that shows that the metric grows.
SHORTENED = {"DeadLettersWaitAlarm": UNREAD_SECONDS, "WorkWaitsAlarm": UNREAD_SECONDS}
#: Why the local stack cannot produce the condition of an alarm.
IMPOSSIBLE = {
    "RowsRefusedAlarm": "the emulator refuses no patient that the service stores",
    "TableThrottledAlarm": "the emulator throttles nothing, and `make faults` throttles without metrics",
    "RequestsBlockedAlarm": "the emulator has no WAF",
}
