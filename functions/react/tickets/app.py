"""GET /tickets, GET /tickets/{id}: the tickets of the desk, and one with its whole trail."""

from typing import Annotated, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.http import Api
from quadrille.react.showing import Ticket, TicketList, listed, shown
from quadrille.tickets import Status

logger = Logger()
api = Api(scope="react")


@api.get("/tickets")
def index(
    status: Status | None = None,
    category: Annotated[str | None, Query(max_length=100)] = None,
    cursor: Annotated[str | None, Query(min_length=1, max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> TicketList:
    """List tickets, newest first."""
    tickets, tenant = clients.tickets(), api.principal.tenant
    return listed(tenant, tickets=tickets, status=status, category=category, after=cursor, limit=limit)


@api.get("/tickets/<ticket_id>")
def show(ticket_id: str) -> Ticket:
    """One ticket: what its customer wrote, what is known of it, what was drafted and decided, and what it cost."""
    return shown(api.principal.tenant, ticket_id, tickets=clients.tickets())


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return api.serve(event, context)
