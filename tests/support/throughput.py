"""Local steps per second: chains of Lambda tasks, many runs at once, on the seams or on stock moto.

`python -m tests.support.throughput stock|seams STEPS RUNS` prints the figure, in a process of its own: the seams cannot
be taken away again, and neither side shall warm up the other's caches.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import boto3
from moto import mock_aws

ROLE = "arn:aws:iam::123456789012:role/machines"
CREDENTIALS = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}


def chain(steps: int, function: str) -> dict[str, Any]:
    """A machine of so many Lambda tasks in a row, each given the result of the one before."""
    states: dict[str, Any] = {}
    for index in range(steps):
        following = {"Next": f"s{index + 1}"} if index + 1 < steps else {"End": True}
        payload = {"step_id": f"s{index}", "input_data": "{% $states.input %}"}
        states[f"s{index}"] = {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": {"FunctionName": function, "Payload": payload},
            "Output": "{% $states.result.Payload %}",
            **following,
        }
    return {"QueryLanguage": "JSONata", "StartAt": "s0", "States": states}


def steps_per_second(steps: int, runs: int, function: str) -> float:
    """Run the chain so many times at once; the first run, alone, is not counted."""
    client: Any = boto3.client("stepfunctions", **CREDENTIALS)  # type: ignore[call-overload] # the stubs want literals
    definition = json.dumps(chain(steps, function))
    arn = client.create_state_machine(name="chain", definition=definition, roleArn=ROLE)["stateMachineArn"]

    def start(name: str) -> str:
        answer = client.start_execution(stateMachineArn=arn, name=name, input='{"n": 0}')
        return str(answer["executionArn"])

    def wait(execution: str) -> None:
        while (status := client.describe_execution(executionArn=execution)["status"]) == "RUNNING":
            time.sleep(0.05)
        assert status == "SUCCEEDED", client.describe_execution(executionArn=execution)

    wait(start("warm-up"))
    began = time.perf_counter()
    executions = [start(f"run-{number}") for number in range(runs)]
    for execution in executions:
        wait(execution)
    return steps * runs / (time.perf_counter() - began)


def measure_seams(steps: int, runs: int) -> float:
    """On moto with the seams: jlens, handlers called in process."""
    from infra.local import moto_seams

    moto_seams.apply()
    moto_seams.register_lambda("step", lambda event, context: {"n": 1})
    with mock_aws(config=moto_seams.MOCK_CONFIG):
        return steps_per_second(steps, runs, "step")


def measure_stock(steps: int, runs: int) -> float:
    """On moto as it is: jsonata-python as the evaluator it lacks, functions called through boto3 and moto's Lambda."""
    import logging

    import moto.stepfunctions.parser.models  # noqa: F401 - loads the modules that import the evaluator by name

    from tests.support.seam_probes import plug_evaluator

    logging.disable(logging.CRITICAL)
    plug_evaluator()
    config: Any = {"stepfunctions": {"execute_state_machine": True}, "lambda": {"use_docker": False}}
    with mock_aws(config=config):
        iam: Any = boto3.client("iam", **CREDENTIALS)  # type: ignore[call-overload] # the stubs want literals
        role = iam.create_role(RoleName="function", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        functions: Any = boto3.client("lambda", **CREDENTIALS)  # type: ignore[call-overload] # the stubs want literals
        functions.create_function(
            FunctionName="step",
            Runtime="python3.13",
            Role=role,
            Handler="x.y",
            Code={"ImageUri": "none"},
            PackageType="Image",
        )
        return steps_per_second(steps, runs, "step")


if __name__ == "__main__":
    side, steps, runs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    print(measure_seams(steps, runs) if side == "seams" else measure_stock(steps, runs))
