"""POST /ask: an answer out of the caller's documents, with checked citations and a receipt."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.ask.answer import answer
from quadrille.ask.models import AskRequest, AskResponse
from quadrille.calls import Payer
from quadrille.http import Api

logger = Logger()
api = Api(scope="ask")


@api.post("/ask")
def ask(request: AskRequest) -> AskResponse:
    """Answer a question, or refuse what the documents do not support."""
    payer = Payer(
        tenant=api.principal.tenant,
        subject=f"answers/{api.request_id}",
        deadline=api.deadline,
        ends_at=api.ends_at,
        max_cost=request.max_cost_usd,
        identity=api.request_id if request.cache == "off" else "",
    )
    return answer(request, payer, desk=clients.desk())


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return api.serve(event, context)
