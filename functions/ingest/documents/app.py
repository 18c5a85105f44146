"""GET /documents, GET and DELETE /documents/{id}, POST /documents/{id}/retry: see, end and resume what was uploaded."""

from typing import Annotated, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.config import settings
from quadrille.documents import Status, budget_of
from quadrille.http import Api
from quadrille.ingest.models import Collection, Document, DocumentList
from quadrille.ingest.uploads import retry, withdraw
from quadrille.receipts import Receipt
from quadrille.rows import Row

logger = Logger()
api = Api(scope="ingest")


@api.get("/documents")
def index(
    collection: Collection | None = None,
    status: Status | None = None,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> DocumentList:
    """List documents in order of id."""
    rows, after = clients.documents().list(
        api.principal.tenant, collection=collection, status=status, after=cursor, limit=limit
    )
    receipts = _receipts(rows)
    return DocumentList(items=[Document.of(row, receipts[budget_of(row)]) for row in rows], cursor=after)


@api.get("/documents/<document_id>")
def show(document_id: str) -> Document:
    """One document and how far it has come."""
    return _shown(clients.documents().get(api.principal.tenant, document_id))


@api.delete("/documents/<document_id>", status_code=202)
def delete(document_id: str) -> tuple[Document, int]:
    """Take a document from its readers at once, and erase what was made of it."""
    queue = clients.queue(settings().erase_queue_url)
    row = withdraw(api.principal.tenant, document_id, documents=clients.documents(), blobs=clients.blobs(), erase=queue)
    return _shown(row), 202


@api.post("/documents/<document_id>/retry", status_code=202)
def repeat(document_id: str) -> tuple[Document, int]:
    """Do what is missing of a document that is not searchable."""
    extract = clients.queue(settings().extract_queue_url)
    row = retry(api.principal.tenant, document_id, documents=clients.documents(), extract=extract)
    return _shown(row), 202


def _shown(row: Row) -> Document:
    return Document.of(row, _receipts([row])[budget_of(row)])


def _receipts(rows: list[Row]) -> dict[str, Receipt]:
    return clients.costs().receipts(api.principal.tenant, "document", [budget_of(row) for row in rows])


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return api.serve(event, context)
