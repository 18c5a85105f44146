"""Dead letters of any queue: looked at without being touched, or taken out one by one."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from quadrille.queues import Queue

if TYPE_CHECKING:
    from types_boto3_sqs.type_defs import MessageTypeDef

logger = Logger()

REDRIVEN, UNREADABLE = "redriven", "unreadable"
_SHOWN = 10  # seconds a message is hidden while it is looked at
_HIDDEN = 60  # seconds; longer than a redrive takes, so that no message is met twice in one


def samples(
    queue: Queue, limit: int, show: Callable[[str], Mapping[str, Any]], *, of: Mapping[str, Any]
) -> dict[str, Any]:
    """At most `limit` (up to ten) of a queue's dead letters, and what `show` makes of their bodies. They stay.

    `of` says in the answer whose they are. Raises `NotFound` for a queue without dead letters.
    """
    dead = queue.dead_letters()
    found = dead.receive(limit, hidden=_SHOWN)
    items = [{**_about(message), **show(message["Body"])} for message in found]
    for message in found:
        dead.postpone(message["ReceiptHandle"], seconds=0)
    return {**of, "items": items, "dead": dead.depth()}


def redrive(
    queue: Queue, limit: int, take: Callable[[str], str], *, ends_at: float, of: Mapping[str, Any]
) -> dict[str, Any]:
    """Give at most `limit` of a queue's dead letters to `take`, which sends a body back, and count what became of them.

    `take` says `REDRIVEN`, `UNREADABLE`, or why nothing is left to do. A message leaves the dead-letter queue after it
    was taken: a kill between the two sends it twice. What is unreadable stays. `ends_at` is in seconds since the epoch.
    """
    dead = queue.dead_letters()
    outcomes: Counter[str] = Counter()
    kept = []
    while outcomes.total() < limit and (found := dead.receive(limit - outcomes.total(), hidden=_HIDDEN)):
        for message in found:
            outcome = take(message["Body"]) if time.time() < ends_at else ""
            if outcome in ("", UNREADABLE):
                kept.append(message["ReceiptHandle"])
            else:
                dead.delete(message["ReceiptHandle"])
            if outcome:
                logger.info("dead_letter_taken", **of, message_id=message["MessageId"], outcome=outcome)
            outcomes[outcome] += 1
        if outcomes[""]:
            break
    for handle in kept:
        dead.postpone(handle, seconds=0)
    redriven, unreadable, _ = outcomes.pop(REDRIVEN, 0), outcomes.pop(UNREADABLE, 0), outcomes.pop("", 0)
    logger.info("dead_letters_redriven", **of, redriven=redriven, unreadable=unreadable, dropped=outcomes)
    return {**of, "redriven": redriven, "dropped": dict(outcomes), "unreadable": unreadable, "left": dead.depth()}


def _about(letter: "MessageTypeDef") -> dict[str, Any]:
    """What the queue knows of a message. Times are RFC 3339 UTC."""
    attributes = letter["Attributes"]
    return {
        "message_id": letter["MessageId"],
        "receives": int(attributes["ApproximateReceiveCount"]),
        "sent_at": _time(attributes["SentTimestamp"]),
        "first_received_at": _time(attributes["ApproximateFirstReceiveTimestamp"]),
    }


def _time(milliseconds: str) -> str:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
