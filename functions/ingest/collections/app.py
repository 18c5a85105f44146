"""GET and PUT /collections/{collection}: how a collection's documents are split."""

from typing import Annotated, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler.openapi.params import Path
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.collections import Size
from quadrille.http import Api
from quadrille.ingest.models import Collection, CollectionSettings

logger = Logger()
api = Api(scope="ingest")


@api.get("/collections/<collection>")
def show(collection: Annotated[Collection, Path()]) -> CollectionSettings:
    """The sizes that hold for a collection: its own, or the defaults."""
    size = clients.collections().size(api.principal.tenant, collection)
    return CollectionSettings(chunk_tokens=size.tokens, chunk_overlap_tokens=size.overlap)


@api.put("/collections/<collection>")
def update(collection: Annotated[Collection, Path()], request: CollectionSettings) -> CollectionSettings:
    """Set a collection's sizes. They hold for what is ingested from now on."""
    size = Size(request.chunk_tokens, request.chunk_overlap_tokens)
    clients.collections().set_size(api.principal.tenant, collection, size)
    return request


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return api.serve(event, context)
