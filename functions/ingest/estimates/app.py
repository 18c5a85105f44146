"""POST /documents/estimate: what ingesting will cost. POST /documents/{id}/confirm: go on at that price."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.config import settings
from quadrille.documents import budget_of
from quadrille.http import Api
from quadrille.ingest.estimate import predict
from quadrille.ingest.models import Document, Estimate, EstimateRequest
from quadrille.ingest.uploads import confirm

logger = Logger()
api = Api(scope="ingest")


@api.post("/documents/estimate")
def estimate(request: EstimateRequest) -> Estimate:
    """Predict tokens, chunks, calls and cost before anything is spent."""
    predicted = predict(
        request,
        tenant=api.principal.tenant,
        documents=clients.documents(),
        collections=clients.collections(),
        estimator=clients.estimator(),
    )
    return Estimate.model_validate(predicted)


@api.post("/documents/<document_id>/confirm", status_code=202)
def accept(document_id: str) -> tuple[Document, int]:
    """Let a document that waits for its price to be confirmed go on."""
    tenant, extract = api.principal.tenant, clients.queue(settings().extract_queue_url)
    row = confirm(tenant, document_id, documents=clients.documents(), extract=extract)
    receipts = clients.costs().receipts(tenant, "document", [budget_of(row)])
    return Document.of(row, receipts[budget_of(row)]), 202


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return api.serve(event, context)
