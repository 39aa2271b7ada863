"""How a stack starts and stops, so that no process is left, even if its starter is killed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import asdict

import psutil

from local_stack import customer
from local_stack.aws import REGION, ROOT
from local_stack.deploy import DeployError, copy_tables, create_stack, fingerprint
from local_stack.description import Stack
from local_stack.locks import exclusive
from local_stack.paths import PROJECT, StackFiles
from local_stack.processes import kill_all, of_stack
from local_stack.services import EMULATOR_HEALTH, Service, Services, Settings, plan
from local_stack.template import API_PATH

START_SECONDS = 60
#: The supervisor needs 3 s for its last look at the logs and 2 s for each service.
STOP_SECONDS = 15
#: Another program can take a port between its choice and its use.
ATTEMPTS = 3
#: This byte on the supervisor's standard input keeps the stack up when its starter ends.
KEEP = b"k"

Supervisor = subprocess.Popen[bytes]


class StartError(Exception):
    """The stack did not start. The text says why, and which log has more."""


def say(text: str) -> None:
    """Prints a message for the user. Standard output is left to the commands that run on a stack."""
    print(text, file=sys.stderr, flush=True)


def start(files: StackFiles, settings: Settings) -> Supervisor | None:
    """Starts the services, deploys the template, adds the demo customer, and describes the stack in its file.

    Returns the supervisor: the stack stops when its standard input closes, unless `keep` is called. Returns None if
    the stack is up already; a stack of an older build is replaced. Raises `StartError`, and then leaves no process.
    """
    began = time.monotonic()
    with exclusive(files):
        if known := running(files):
            if settings != Settings():
                raise StartError(
                    f"The stack {files.name!r} is up with other settings: stop it, or choose another --name"
                )
            if known.build == fingerprint():
                return None
            say(f"The stack {files.name!r} runs an older build and is replaced.")
        stop(files)
        shutil.rmtree(files.logs, ignore_errors=True)
        files.logs.mkdir(parents=True)
        try:
            supervisor, services = start_services(files, settings)
            stack = deploy(files, services, settings)
        except BaseException as error:
            stop(files)
            if isinstance(error, DeployError):
                raise StartError(f"Not deployed: {error}\nThe emulator's log: {files.logs}/emulator.log") from None
            raise
        customer.write_profile(files, stack)
        stack.write(files.description)
    say(f"Up after {time.monotonic() - began:.1f} s.")
    return supervisor


def start_services(files: StackFiles, settings: Settings) -> tuple[Supervisor, Services]:
    """Starts the supervisor, which starts the services. Returns both as soon as all services are ready."""
    for _ in range(ATTEMPTS):
        services = plan(files, settings)
        say(f"Starting the AWS emulator at {services.emulator.url} …")
        files.temporary.mkdir(parents=True, exist_ok=True)
        described = json.dumps([asdict(service) for service in services.all()])
        with (files.logs / "supervisor.log").open("ab") as log:
            supervisor = subprocess.Popen(
                [sys.executable, "-m", "local_stack.supervisor", files.name, described],
                cwd=PROJECT,
                env=os.environ | {"TMPDIR": str(files.temporary)},
                # This process's end of the pipe closes when this process ends, also when it is killed.
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        if are_ready(services.all(), supervisor):
            return supervisor, services
        stop(files)
    raise StartError(f"The emulator did not start, see {files.logs}/emulator.log")


def are_ready(services: list[Service], supervisor: Supervisor) -> bool:
    """Waits for all services. Returns False if the supervisor ends before they are ready, or if it takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while supervisor.poll() is None and time.monotonic() < deadline:
        if all(service.is_ready() for service in services):
            return True
        time.sleep(0.05)
    return False


def deploy(files: StackFiles, services: Services, settings: Settings) -> Stack:
    """Creates the CloudFormation stack and the demo customer in it. Returns the description of the stack."""
    say("Deploying template.yaml …")
    endpoint, gateway = services.emulator.url, services.sandbox.url if services.sandbox else None
    parameters = {"GatewayUrl": f"{gateway}/fhir"} if gateway else {}
    parameters |= dict(setting.split("=", 1) for setting in settings.parameters)
    outputs = create_stack(endpoint, parameters, settings.visibility)
    admin_env = ROOT | {
        "AWS_ENDPOINT_URL": endpoint,
        "DIRECTORY_TABLE": outputs["DirectoryTable"],
        "AUDIT_LOG_GROUP": outputs["AuditLogGroup"],
        "JOBS_TABLE": outputs["JobsTable"],
        "PATIENTS_TABLE": outputs["PatientsTable"],
        "EXTERNAL_IDS_TABLE": outputs["ExternalIdsTable"],
        "FILES_BUCKET": outputs["FilesBucket"],
    }
    if services.dynamodb:
        copy_tables(endpoint, services.dynamodb.url, outputs)
        admin_env["AWS_ENDPOINT_URL_DYNAMODB"] = services.dynamodb.url
    say("Adding a demo customer …")
    made = customer.create(admin_env)
    return Stack(
        name=files.name,
        api_url=endpoint + API_PATH.format(id=outputs["ApiId"]),
        api_key=made.api_key,
        customer=made.id,
        facilities=made.facilities,
        cohorts=made.cohorts,
        endpoint=endpoint,
        region=REGION,
        build=fingerprint(),
        outputs=outputs,
        admin_env=admin_env,
        logs=str(files.logs),
        temporary=str(files.temporary),
        faults=services.faults.url if services.faults else None,
        sandbox=f"{gateway}/_sandbox" if gateway else None,
    )


def keep(supervisor: Supervisor) -> None:
    """Lets the stack stay up when this process ends."""
    assert supervisor.stdin is not None
    supervisor.stdin.write(KEEP)
    supervisor.stdin.close()


def stop(files: StackFiles) -> bool:
    """Stops what is left of the stack, also after a crash. Returns whether a process was left."""
    files.description.unlink(missing_ok=True)
    files.profile.unlink(missing_ok=True)
    found = of_stack(files)
    supervisors = [process for process in found if is_supervisor(process)]
    for process in supervisors:
        process.terminate()
    psutil.wait_procs(supervisors, STOP_SECONDS)
    # The supervisor stops everything else, unless it was killed itself.
    kill_all(files)
    shutil.rmtree(files.temporary, ignore_errors=True)
    return bool(found)


def is_supervisor(process: psutil.Process) -> bool:
    """Returns whether a process of a stack is its supervisor."""
    try:
        return "local_stack.supervisor" in process.cmdline()
    except psutil.Error:
        return False


def running(files: StackFiles) -> Stack | None:
    """Returns the description of the stack if the stack answers."""
    stack = Stack.read(files.description)
    is_up = stack and Service("emulator", [], stack.endpoint, EMULATOR_HEALTH).is_ready()
    return stack if is_up else None
