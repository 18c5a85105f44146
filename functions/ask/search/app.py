"""POST /search: the chunks of the caller's documents that are nearest to a query."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.ask.models import SearchRequest, SearchResponse
from quadrille.ask.search import search as find
from quadrille.calls import Payer
from quadrille.http import Api

logger = Logger()
api = Api(scope="ask")


@api.post("/search")
def search(request: SearchRequest) -> SearchResponse:
    """Find passages without answering."""
    payer = Payer(api.principal.tenant, f"searches/{api.request_id}", api.deadline, api.ends_at)
    return find(request, payer, retriever=clients.retriever())


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return api.serve(event, context)
