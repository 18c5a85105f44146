"""GET /openapi.json and GET /docs: what the API takes and gives, for programs and for people. Open to anyone."""

from pathlib import Path
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi import swagger_ui
from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille.http import Api

logger = Logger()
api = Api(scope=None)

ASSETS = Path(swagger_ui.__file__).parent
DOCUMENT: OpenAPIResponse = {
    "description": "OpenAPI 3.1",
    "content": {"application/json": {"schema": {"type": "object"}}},
}
PAGE: OpenAPIResponse = {"description": "A page", "content": {"text/html": {"schema": {"type": "string"}}}}


def described() -> str:
    """The OpenAPI document, which `make openapi` writes."""
    return Path(__file__).with_name("openapi.json").read_text()


@api.get("/openapi.json", responses={200: DOCUMENT})
def document() -> Response[str]:
    """Describe the API for programs."""
    return Response(200, "application/json", described())


@api.get("/docs", responses={200: PAGE})
def page() -> Response[str]:
    """Describe the API for people, with Swagger UI, which the page brings along."""
    script, style = ((ASSETS / name).read_text() for name in ("swagger-ui-bundle.min.js", "swagger-ui.min.css"))
    html = swagger_ui.generate_swagger_html(described().replace("</", "<\\/"), script, style, "", None)
    return Response(200, "text/html; charset=utf-8", html)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return api.serve(event, context)
