"""POST /events, GET /events: CloudEvents from outside, and those that could not be taken."""

from typing import Annotated, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler.openapi.params import Body, Query
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.react.accepting import EventApi, accept, parked, structured
from quadrille.react.models import Accepted, AcceptedEvents, CloudEvent, ParkedEvents

logger = Logger()
api = EventApi(scope="react")


@api.post("/events", status_code=202)
def add(body: Annotated[CloudEvent | list[CloudEvent], Body()]) -> tuple[Accepted | AcceptedEvents, int]:
    """Publish a CloudEvent, or a batch of them; each id once."""
    return accept(api.principal.tenant, body, outbox=clients.outbox()), 202


@api.get("/events")
def index(
    cursor: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9._:/~-]{1,200}$")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> ParkedEvents:
    """List the events that were parked: of an unknown type or version, or by too many others."""
    return parked(api.principal.tenant, outbox=clients.outbox(), after=cursor, limit=limit)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return api.serve(structured(event), context)
