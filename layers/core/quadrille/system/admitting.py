"""Who is let in: commands about API keys and about sources of webhooks, for whom IAM lets give them."""

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from quadrille.http import Body
from quadrille.keys import Keys
from quadrille.sources import Sources


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


def admit(command: Told, *, keys: Keys, sources: Sources) -> dict[str, Any]:
    """What a command comes to. Raises `Invalid` and `NotFound`."""
    match command:
        case Create():
            return keys.create(command.tenant, command.scopes)
        case List():
            return {"items": keys.list(command.tenant)}
        case Revoke():
            keys.revoke(command.key_id)
            return {"revoked": command.key_id}
        case CreateSource():
            return sources.create(command.tenant, command.kind, command.secret)
        case ListSources():
            return {"items": sources.list(command.tenant)}
        case RevokeSource():
            sources.revoke(command.source_id)
            return {"revoked": command.source_id}
