"""GET /budgets and PUT /budgets/{scope}: what the caller's tenant may spend, and an admin's word on it."""

from typing import Annotated, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler.openapi.params import Path
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.http import Api
from quadrille.system.models import BudgetList, LimitRequest, Scope
from quadrille.system.spending import budgets

logger = Logger()
api = Api(scope=None)


@api.get("/budgets")
def index() -> BudgetList:
    """List the limits and what is left of today's."""
    return budgets(api.principal.tenant, limits=clients.limits(), claims=clients.claims())


@api.put("/budgets/<scope>")
def update(scope: Annotated[Scope, Path()], request: LimitRequest) -> BudgetList:
    """Set one limit. It holds everywhere within five seconds."""
    api.require("admin")
    clients.limits().set(api.principal.tenant, scope, request.limit_usd)
    logger.info("limit_set", tenant=api.principal.tenant, key_id=api.principal.key_id, scope=scope)
    return budgets(api.principal.tenant, limits=clients.limits(), claims=clients.claims())


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return api.serve(event, context)
