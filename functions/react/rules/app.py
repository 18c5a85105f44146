"""GET /rules, GET, PUT and DELETE /rules/{id}: what is to be done when something happens."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.http import Api
from quadrille.react.models import Rule, RuleId, RuleList, RuleRequest
from quadrille.react.ruling import keep, shown

logger = Logger()
api = Api(scope="react")


@api.get("/rules")
def index() -> RuleList:
    """All rules."""
    return RuleList(items=[shown(row) for row in clients.rules().list(api.principal.tenant)])


@api.get("/rules/<rule_id>")
def show(rule_id: str) -> Rule:
    """One rule."""
    return shown(clients.rules().get(api.principal.tenant, rule_id))


@api.put("/rules/<rule_id>")
def update(rule_id: RuleId, request: RuleRequest) -> Rule:
    """Keep a rule under this id. One that would match what it leads to is refused."""
    return keep(api.principal.tenant, rule_id, request, rules=clients.rules())


@api.delete("/rules/<rule_id>", status_code=204)
def remove(rule_id: str) -> Response[str]:
    """Forget a rule; what it asked for goes on."""
    clients.rules().delete(api.principal.tenant, rule_id)
    return Response(status_code=204, body="")  # what has no body has no content type


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return api.serve(event, context)
