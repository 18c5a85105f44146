"""POST /tickets/{id}/draft, POST /tickets/{id}/drafts/{draft_id}: draft a reply, and decide about it."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.calls import Payer
from quadrille.config import settings
from quadrille.http import Api
from quadrille.react.drafting import decide, draft_reply
from quadrille.react.replies import DecisionRequest, DraftRequest, Reply

logger = Logger()
api = Api(scope="react")


@api.post("/tickets/<ticket_id>/draft")
def write(ticket_id: str, request: DraftRequest = DraftRequest()) -> Reply:
    """Draft a reply out of the desk's documents, in the customer's language. Nobody sends it before it is approved."""
    payer = Payer(
        tenant=api.principal.tenant,
        subject=f"tickets/{ticket_id}",
        deadline=api.deadline,
        ends_at=api.ends_at,
        max_cost=settings().case_budget_usd,
    )
    return draft_reply(ticket_id, request, payer, once=api.request_id, bureau=clients.bureau())


@api.post("/tickets/<ticket_id>/drafts/<draft_id>")
def answer(ticket_id: str, draft_id: str, request: DecisionRequest) -> Reply:
    """Approve a draft, edit it (which approves the text given), or reject it. The same again changes nothing."""
    who = api.principal
    return decide(who.tenant, ticket_id, draft_id, request, by=who.key_id, bureau=clients.bureau())


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return api.serve(event, context)
