"""Backfill: start, status. It has no HTTP route: who may invoke it is decided by IAM (`make backfill`)."""

from typing import Annotated, Any, Literal

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import Field, TypeAdapter

from quadrille import clients
from quadrille.commands import obey
from quadrille.http import Body
from quadrille.ingest.backfill import start, status

logger = Logger()


class Start(Body):
    """Ingest what lies under a prefix."""

    action: Literal["start"]
    prefix: str = Field(max_length=900)
    into: str | None = Field(default=None, max_length=900)
    limit: int = Field(default=10_000_000, ge=1, le=10_000_000)
    in_flight: int = Field(default=1_000, ge=10, le=10_000)
    dry_run: bool = False


class Status(Body):
    """How far a backfill is."""

    action: Literal["status"]
    backfill: str = Field(pattern=r"^[0-9a-f]{16}-\d{1,6}$")


Command = TypeAdapter[Start | Status](Annotated[Start | Status, Field(discriminator="action")])


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return obey(Command, event, _run)


def _run(command: Start | Status) -> dict[str, Any]:
    logger.info("backfill_command", action=command.action)
    match command:
        case Start():
            return start(**command.model_dump(exclude={"action"}), machine=clients.backfill_machine())
        case Status(backfill=name):
            return status(name, machine=clients.backfill_machine(), blobs=clients.blobs())
