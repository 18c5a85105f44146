"""GET /tasks/{id}/steps: what a task did, step by step."""

from typing import Annotated, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.act.models import StepList, StepTaken
from quadrille.http import Api

logger = Logger()
api = Api(scope="act")


@api.get("/tasks/<task_id>/steps")
def index(
    task_id: str,
    cursor: Annotated[int, Query(ge=0, le=999_999)] = 0,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> StepList:
    """A task's steps in order."""
    tenant = api.principal.tenant
    clients.tasks().get(tenant, task_id)
    steps = clients.steps().after(tenant, task_id, cursor, limit=limit)
    after = str(steps[-1].number) if len(steps) == limit else None
    return StepList(steps=[StepTaken.of(step) for step in steps], cursor=after)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return api.serve(event, context)
