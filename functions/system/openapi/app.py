"""GET /openapi.json and GET /docs: what the API takes and gives, for programs and for people. Open to anyone."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille.http import Api
from quadrille.system import description

logger = Logger()
api = Api(scope=None)

DOCUMENT: OpenAPIResponse = {
    "description": "OpenAPI 3.1",
    "content": {"application/json": {"schema": {"type": "object"}}},
}
PAGE: OpenAPIResponse = {"description": "Swagger UI", "content": {"text/html": {"schema": {"type": "string"}}}}


@api.get("/openapi.json", responses={200: DOCUMENT})
def document() -> Response[Any]:
    """Describe the API for programs."""
    return Response(200, "application/json", description.document())


@api.get("/docs", responses={200: PAGE})
def page() -> Response[Any]:
    """Describe the API for people."""
    return Response(200, "text/html; charset=utf-8", description.page())


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return api.serve(event, context)
