"""Replay, for whom IAM lets invoke it (`make replay`): says what it would cost at most, or does it."""

from typing import Any, Literal

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import TypeAdapter

from quadrille import clients
from quadrille.commands import obey
from quadrille.react.replaying import Replay, play, predict

logger = Logger()


class Command(Replay):
    """What to do about those events."""

    action: Literal["predict", "play"]


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return obey(TypeAdapter(Command), event, _run)


def _run(command: Command) -> dict[str, Any]:
    logger.info("replay_command", action=command.action, consumer=command.consumer)
    run = predict if command.action == "predict" else play
    return run(command, studio=clients.studio())
