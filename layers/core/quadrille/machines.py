"""State machines: an execution is started once by its name, and looked up by it."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from quadrille.errors import NotFound


@dataclass(frozen=True, slots=True)
class Machine:
    """One state machine, by its ARN. `sfn` is boto3's client of Step Functions."""

    arn: str
    sfn: Any

    def start(self, name: str, given: BaseModel) -> bool:
        """Start an execution; false if there was one of this name in the last 90 days."""
        try:
            self.sfn.start_execution(stateMachineArn=self.arn, name=name, input=given.model_dump_json())
        except self.sfn.exceptions.ExecutionAlreadyExists:
            return False
        return True

    def go_on(self, token: str) -> None:
        """Let an execution go on that waits under a task token; one that does not wait any more is let be."""
        with suppress(self.sfn.exceptions.TaskTimedOut, self.sfn.exceptions.TaskDoesNotExist):
            self.sfn.send_task_success(taskToken=token, output="{}")

    def names(self) -> Iterator[str]:
        """The executions of the last 90 days, newest first. The listing may lag behind."""
        for page in self.sfn.get_paginator("list_executions").paginate(stateMachineArn=self.arn):
            yield from (execution["name"] for execution in page["executions"])

    def execution(self, name: str) -> dict[str, Any]:
        """Status, times and output of an execution. Raises `NotFound`."""
        arn = f"{self.arn.replace(':stateMachine:', ':execution:')}:{name}"
        try:
            found = self.sfn.describe_execution(executionArn=arn)
        except self.sfn.exceptions.ExecutionDoesNotExist as error:
            raise NotFound(f"There is no execution {name!r}.") from error
        output = json.loads(found["output"]) if found.get("output") else None
        return {"status": found["status"], "started_at": found["startDate"], "output": output}
