"""POST /documents, GET /documents and GET /documents/{id}: announce an upload, see what became of it."""

from typing import Annotated, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.config import settings
from quadrille.documents import Status, budget_of
from quadrille.http import Api
from quadrille.ingest.models import Collection, Document, DocumentList, UploadRequest, UploadResponse
from quadrille.ingest.uploads import announce
from quadrille.receipts import Receipt
from quadrille.rows import Row

logger = Logger()
api = Api(scope="ingest")


@api.post("/documents", status_code=201)
def create(request: UploadRequest) -> tuple[UploadResponse, int]:
    """Get a form to upload one file with."""
    here = settings()
    upload = announce(
        request,
        tenant=api.principal.tenant,
        documents=clients.documents(),
        blobs=clients.blobs(),
        max_bytes=here.max_document_bytes,
        seconds=here.upload_seconds,
    )
    return upload, 201


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
    row = clients.documents().get(api.principal.tenant, document_id)
    return Document.of(row, _receipts([row])[budget_of(row)])


def _receipts(rows: list[Row]) -> dict[str, Receipt]:
    return clients.costs().receipts(api.principal.tenant, "document", [budget_of(row) for row in rows])


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return api.serve(event, context)
