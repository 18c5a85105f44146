"""GET /costs: what the caller's tenant spent, reserved and saved, as JSON or as CSV."""

from datetime import date
from typing import Annotated, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.costs import By
from quadrille.http import Api
from quadrille.system.models import CostList
from quadrille.system.spending import as_csv, report

logger = Logger()
api = Api(scope=None)


COSTS: OpenAPIResponse = {
    "description": "Sums, as JSON or as CSV",
    "content": {"application/json": {"model": CostList}, "text/csv": {"schema": {"type": "string"}}},
}


@api.get("/costs", responses={200: COSTS})
def costs(
    by: By = "day",
    first: Annotated[date | None, Query(alias="from")] = None,
    to: date | None = None,
    cursor: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9_-]{1,64}$")] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> Response[Any]:
    """Sum up costs by day, room, model, document or task."""
    found = report(
        by,
        first,
        to,
        tenant=api.principal.tenant,
        after=cursor,
        limit=limit,
        costs=clients.costs(),
        claims=clients.claims(),
    )
    return _csv(found) if api.accepts("text/csv") else _json(found)


def _json(found: CostList) -> Response[Any]:
    return Response(200, "application/json", found.model_dump(mode="json", by_alias=True))


def _csv(found: CostList) -> Response[Any]:
    headers = {"X-Next-Cursor": found.cursor} if found.cursor else {}
    return Response(200, "text/csv; charset=utf-8", as_csv(found), headers=headers)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return api.serve(event, context)
