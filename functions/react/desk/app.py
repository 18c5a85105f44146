"""GET, PUT /desk: how the tenant's mails and tickets are sorted and answered."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.desks import DeskSettings
from quadrille.http import Api

logger = Logger()
api = Api(scope="react")


@api.get("/desk")
def show() -> DeskSettings:
    """The desk as it is; nothing needs to be set."""
    return clients.desks().get(api.principal.tenant)


@api.put("/desk")
def update(desk: DeskSettings) -> DeskSettings:
    """Set the desk. What is left out is the default's."""
    clients.desks().put(api.principal.tenant, desk)
    return desk


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return api.serve(event, context)
