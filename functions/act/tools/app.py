"""GET /tools: what an agent can be given."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.act.models import ToolGiven, ToolList
from quadrille.http import Api

logger = Logger()
api = Api(scope="act")


@api.get("/tools")
def index() -> ToolList:
    """The tools of this deployment."""
    return ToolList(items=[ToolGiven(**tool.public()) for tool in clients.tools().values()])


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return api.serve(event, context)
