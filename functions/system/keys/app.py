"""API keys and sources of webhooks: create, list, revoke. IAM decides who may (`make key`, `make source`)."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.commands import obey
from quadrille.system.admitting import Command, Told, admit

logger = Logger()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return obey(Command, event, _run)


def _run(command: Told) -> dict[str, Any]:
    logger.info("keys_command", action=command.action)
    return admit(command, keys=clients.keys(), sources=clients.sources())
