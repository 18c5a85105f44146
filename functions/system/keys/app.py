"""API keys: create, list, revoke. It has no HTTP route: who may invoke it is decided by IAM (`make key`)."""

from typing import Annotated, Any, Literal

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import Field, TypeAdapter

from quadrille import clients
from quadrille.commands import obey
from quadrille.http import Body

logger = Logger()


class Create(Body):
    """Make a key for a tenant."""

    action: Literal["create"]
    tenant: str
    scopes: list[str] = Field(default_factory=lambda: ["ask", "ingest"])


class List(Body):
    """Name a tenant's keys."""

    action: Literal["list"]
    tenant: str = Field(min_length=1)


class Revoke(Body):
    """Forget a key."""

    action: Literal["revoke"]
    key_id: str = Field(min_length=1)


Command = TypeAdapter[Create | List | Revoke](Annotated[Create | List | Revoke, Field(discriminator="action")])


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return obey(Command, event, _run)


def _run(command: Create | List | Revoke) -> dict[str, Any]:
    logger.info("keys_command", action=command.action)
    match command:
        case Create():
            return clients.keys().create(command.tenant, command.scopes)
        case List():
            return {"items": clients.keys().list(command.tenant)}
        case Revoke():
            clients.keys().revoke(command.key_id)
            return {"revoked": command.key_id}
