"""GET /emails, GET /emails/{id}: mails, what they are about, and the drafts that answer them."""

from typing import Annotated, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.emails import Status
from quadrille.http import Api
from quadrille.react.mails import EmailList, EmailWhole, listed, shown

logger = Logger()
api = Api(scope="react")


@api.get("/emails")
def index(
    status: Status | None = None,
    category: Annotated[str | None, Query(max_length=60)] = None,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> EmailList:
    """List mails, newest first, without their text."""
    rows, after = clients.emails().list(
        api.principal.tenant, status=status, category=category, after=cursor, limit=limit
    )
    return EmailList(items=[listed(row) for row in rows], cursor=after)


@api.get("/emails/<email_id>")
def show(email_id: str) -> EmailWhole:
    """One mail, with what is new in it, and the draft of a reply to it or why there is none."""
    return shown(clients.emails().get(api.principal.tenant, email_id))


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return api.serve(event, context)
