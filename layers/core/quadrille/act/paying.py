"""Who pays for what a task does."""

import time

from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille.act.turns import Turn
from quadrille.calls import Payer

_AFTER_REPLY = 5.0  # seconds kept back to record what was paid


def payer_of(turn: Turn, context: LambdaContext) -> Payer:
    """The task of a turn, as long as this Lambda runs."""
    ends_at = time.time() + context.get_remaining_time_in_millis() / 1000
    subject = f"tasks/{turn.task_id}"
    return Payer(turn.tenant, subject, deadline=ends_at - _AFTER_REPLY, ends_at=ends_at, task=turn.task_id)
