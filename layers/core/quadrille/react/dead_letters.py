"""Dead letters of consumers: how many there are, what they are, and the way back to the consumer.

A consumer does each event once by itself, so a letter is sent back whatever has become of it since.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from pydantic import ValidationError

from quadrille import dead_letters
from quadrille.dead_letters import REDRIVEN, UNREADABLE
from quadrille.errors import Invalid, NotFound
from quadrille.failures import Failures
from quadrille.messages import ObjectCreated
from quadrille.queues import Queue
from quadrille.react.consumers import Delivery

MAIL = "receive_mail"  # what it takes comes from the bucket, not from the bus


def depth(*, queues: Mapping[str, Queue]) -> dict[str, Any]:
    """How many messages each consumer has waiting, and how many were set aside: None without a queue for those."""
    return {name: {"waiting": queues[name].depth(), "dead": _dead(queues[name])} for name in sorted(queues)}


def samples(consumer: str, limit: int, *, queues: Mapping[str, Queue], failures: Failures) -> dict[str, Any]:
    """At most `limit` (up to ten) of a consumer's dead letters, without the events' data. They stay where they are.

    Raises `Invalid` for a consumer that is not there, and `NotFound` for one without dead letters.
    """
    show = partial(_shown, consumer, failures=failures)
    return dead_letters.samples(_queue(consumer, queues), limit, show, of={"consumer": consumer})


def redrive(consumer: str, limit: int, *, queues: Mapping[str, Queue], ends_at: float) -> dict[str, Any]:
    """Send at most `limit` dead letters of a consumer back to its queue, as they are; what is no event stays.

    `ends_at` is in seconds since the epoch. Raises as `samples`.
    """
    queue = _queue(consumer, queues)
    take = partial(_take, consumer, queue=queue)
    return dead_letters.redrive(queue, limit, take, ends_at=ends_at, of={"consumer": consumer})


def _take(consumer: str, body: str, *, queue: Queue) -> str:
    try:
        _read(consumer, body)
    except ValidationError:
        return UNREADABLE
    queue.send_back(body)
    return REDRIVEN


def _shown(consumer: str, body: str, *, failures: Failures) -> dict[str, Any]:
    """Which event a message brings, and why it was set aside; None if nobody could say."""
    try:
        message = _read(consumer, body)
    except ValidationError:
        return {"problem": f"This is no event for the consumer {consumer}."}
    if isinstance(message, ObjectCreated):
        return {"key": message.detail.object.key, "reason": None}
    event = message.detail
    about = event.model_dump(include={"type", "tenant", "subject", "time"})
    return {"event_id": event.id, **about, "reason": failures.reason(consumer, event.id)}


def _read(consumer: str, body: str) -> Delivery | ObjectCreated:
    """Raises `ValidationError`."""
    model = ObjectCreated if consumer == MAIL else Delivery
    return model.model_validate_json(body)


def _queue(consumer: str, queues: Mapping[str, Queue]) -> Queue:
    if consumer not in queues:
        raise Invalid("consumer", f"there is no {consumer!r}; there are: {', '.join(sorted(queues))}")
    return queues[consumer]


def _dead(queue: Queue) -> int | None:
    try:
        return queue.dead_letters().depth()
    except NotFound:
        return None
