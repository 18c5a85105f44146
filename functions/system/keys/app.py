"""API keys and sources of webhooks: create, list, revoke. IAM decides who may (`make key`, `make source`)."""

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


class CreateSource(Body):
    """Make a source of webhooks for a tenant. A desk that makes its own secrets has given the one it signs with."""

    action: Literal["create_source"]
    tenant: str
    kind: str
    secret: str = ""


class ListSources(Body):
    """Name a tenant's sources."""

    action: Literal["list_sources"]
    tenant: str = Field(min_length=1)


class RevokeSource(Body):
    """Forget a source and its secret."""

    action: Literal["revoke_source"]
    source_id: str = Field(min_length=1)


Told = Create | List | Revoke | CreateSource | ListSources | RevokeSource
Command = TypeAdapter[Told](Annotated[Told, Field(discriminator="action")])


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return obey(Command, event, _run)


def _run(command: Told) -> dict[str, Any]:
    logger.info("keys_command", action=command.action)
    match command:
        case Create():
            return clients.keys().create(command.tenant, command.scopes)
        case List():
            return {"items": clients.keys().list(command.tenant)}
        case Revoke():
            clients.keys().revoke(command.key_id)
            return {"revoked": command.key_id}
        case CreateSource():
            return clients.sources().create(command.tenant, command.kind, command.secret)
        case ListSources():
            return {"items": clients.sources().list(command.tenant)}
        case RevokeSource():
            clients.sources().revoke(command.source_id)
            return {"revoked": command.source_id}
