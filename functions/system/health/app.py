"""GET /health: that the API is up, and which version. It is open to anyone and touches nothing."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

import quadrille
from quadrille.http import Api

logger = Logger()
api = Api(scope=None)


@api.get("/health")
def health() -> dict[str, str]:
    """Say that the API is up."""
    return {"status": "ok", "version": quadrille.__version__}


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return api.serve(event, context)
