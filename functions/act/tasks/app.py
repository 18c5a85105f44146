"""POST and GET /tasks, GET /tasks/{id}, POST /tasks/{id}/cancel and /resume: give, see, end and resume a task."""

import time
from typing import Annotated, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler.openapi.params import Header, Query
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.act.approvals import go_on
from quadrille.act.models import ResumeRequest, Task, TaskList, TaskRequest
from quadrille.act.seeing import listed, shown
from quadrille.act.starting import cancel, create, resume
from quadrille.http import Api
from quadrille.rows import Row
from quadrille.tasks import Status

logger = Logger()
api = Api(scope="act")
Key = Annotated[str, Header(alias="Idempotency-Key", max_length=200)]


@api.post("/tasks", status_code=202)
def add(request: TaskRequest, once: Key = "") -> tuple[Task, int]:
    """Give a task. With the same Idempotency-Key it is given once."""
    tools = clients.tools()
    row = create(api.principal.tenant, request, once=once, tools=tools, office=clients.office(), now=time.time())
    return _shown(row), 202


@api.get("/tasks")
def index(
    status: Status | None = None,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> TaskList:
    """List tasks, newest first."""
    rows, after = clients.tasks().list(api.principal.tenant, status=status, after=cursor, limit=limit)
    return TaskList(items=listed(api.principal.tenant, rows, costs=clients.costs(), now=time.time()), cursor=after)


@api.get("/tasks/<task_id>")
def show(task_id: str) -> Task:
    """One task, how far it has come, and what it waits for."""
    row = clients.tasks().get(api.principal.tenant, task_id)
    go_on(row, desk=clients.approval_desk(), now=time.time())  # if nobody has decided in time
    return _shown(row)


@api.post("/tasks/<task_id>/cancel", status_code=202)
def end(task_id: str) -> tuple[Task, int]:
    """End a task; the step that is under way is its last."""
    return _shown(cancel(api.principal.tenant, task_id, office=clients.office(), now=time.time())), 202


@api.post("/tasks/<task_id>/resume", status_code=202)
def repeat(task_id: str, request: ResumeRequest) -> tuple[Task, int]:
    """Let a stopped task go on with a higher cap; what was done is not paid again."""
    row = resume(api.principal.tenant, task_id, request.budget, office=clients.office(), now=time.time())
    return _shown(row), 202


def _shown(row: Row) -> Task:
    return shown(row, costs=clients.costs(), steps=clients.steps(), now=time.time())


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return api.serve(event, context)
