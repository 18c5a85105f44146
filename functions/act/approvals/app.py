"""POST /tasks/{id}/approvals/{approval_id}: decide about a call a task waits with."""

import time
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.act.approvals import decide
from quadrille.act.models import DecisionRequest, Task
from quadrille.act.seeing import shown
from quadrille.http import Api

logger = Logger()
api = Api(scope="act")


@api.post("/tasks/<task_id>/approvals/<approval_id>", status_code=202)
def answer(task_id: str, approval_id: str, request: DecisionRequest) -> tuple[Task, int]:
    """Approve or reject a call. The task goes on when it waits for nothing else."""
    tenant, tasks = api.principal.tenant, clients.tasks()
    decide(
        tasks.get(tenant, task_id),
        approval_id,
        request.decision,
        comment=request.comment,
        arguments=request.arguments,
        by=api.principal.key_id,
        tools=clients.tools(),
        desk=clients.approval_desk(),
        now=time.time(),
    )
    return shown(tasks.get(tenant, task_id), costs=clients.costs(), steps=clients.steps(), now=time.time()), 202


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return api.serve(event, context)
