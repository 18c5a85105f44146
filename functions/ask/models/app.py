"""GET /models: the caller's collections, as OpenAI's clients list models."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.ask.completions import models
from quadrille.ask.protocol import ModelList, OpenAIApi

logger = Logger()
api = OpenAIApi(scope="ask")


@api.get("/models")
def index() -> ModelList:
    """List the models that can be asked: one for each collection."""
    return models(clients.collections().names(api.principal.tenant))


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return api.serve(event, context)
