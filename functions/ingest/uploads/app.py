"""POST /documents: announce an upload."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.config import settings
from quadrille.http import Api
from quadrille.ingest.models import UploadRequest, UploadResponse
from quadrille.ingest.uploads import announce

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


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return api.serve(event, context)
