"""Dead letters of consumers, for whom IAM lets invoke it (`make redrive CONSUMER=...`): count, sample, redrive."""

import time
from functools import partial
from typing import Annotated, Any, Literal

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import Field, TypeAdapter

from quadrille import clients
from quadrille.commands import obey
from quadrille.http import Body
from quadrille.react.dead_letters import depth, redrive, samples

logger = Logger()

_AFTER = 8  # seconds kept back for the message in hand and the answer


class Depth(Body):
    """How many messages wait, and how many were set aside, with each consumer."""

    action: Literal["depth"]


class Samples(Body):
    """A few of a consumer's dead letters."""

    action: Literal["samples"]
    consumer: str
    limit: int = Field(default=10, ge=1, le=10)


class Redrive(Body):
    """Send a consumer's dead letters back."""

    action: Literal["redrive"]
    consumer: str
    limit: int = Field(default=100, ge=1, le=1_000)


Command = TypeAdapter[Depth | Samples | Redrive](Annotated[Depth | Samples | Redrive, Field(discriminator="action")])


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    ends_at = time.time() + context.get_remaining_time_in_millis() / 1000 - _AFTER
    return obey(Command, event, partial(_run, ends_at=ends_at))


def _run(command: Depth | Samples | Redrive, *, ends_at: float) -> dict[str, Any]:
    logger.info("dead_letters_command", action=command.action)
    queues = clients.consumer_queues()
    match command:
        case Depth():
            return depth(queues=queues)
        case Samples(consumer=consumer, limit=limit):
            return samples(consumer, limit, queues=queues, failures=clients.failures())
        case Redrive(consumer=consumer, limit=limit):
            return redrive(consumer, limit, queues=queues, ends_at=ends_at)
