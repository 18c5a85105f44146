"""Replay: what happened is sent to its consumers once more.

A consumer that has done an event does not do it again, so a replay of what is done costs nothing. What it would cost at
most is said before it is begun.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Annotated, Any

from aws_lambda_powertools.utilities.idempotency.exceptions import IdempotencyItemNotFoundError
from aws_lambda_powertools.utilities.idempotency.persistence.base import BasePersistenceLayer
from pydantic import AwareDatetime, Field

from quadrille.documents import Documents, Status
from quadrille.errors import Invalid, NotFound
from quadrille.events import CATALOGUE, Envelope
from quadrille.http import Body
from quadrille.journal import Journal
from quadrille.money import dollars
from quadrille.react.consumers import Delivery, remembering
from quadrille.react.patterns import matches
from quadrille.react.ruling import CONSUMER as RULES
from quadrille.react.ruling import requests
from quadrille.react.targets import Target
from quadrille.rules import Rules


class Replay(Body):
    """Events from `since` to before `until`: all, or those of some types, of one tenant or that a pattern wants.

    They are for all consumers, or for one.
    """

    since: AwareDatetime
    until: AwareDatetime
    types: Annotated[tuple[str, ...], Field(max_length=50)] = ()
    tenant: str = ""
    pattern: Mapping[str, Any] = Field(default_factory=dict)
    consumer: str = ""

    def picks(self, envelope: Envelope) -> bool:
        """Whether it is about this event."""
        return (
            (not self.types or envelope.type in self.types)
            and self.tenant in ("", envelope.tenant)
            and matches(self.pattern, envelope.model_dump())
        )


@dataclass(frozen=True, slots=True)
class Studio:
    """What replaying takes; `budgets` are what one event may cost at most in US dollars, by the catalogue's word."""

    journal: Journal
    targets: list[Target]
    documents: Documents
    rules: Rules
    done: Callable[[str], BasePersistenceLayer]
    budgets: Mapping[str, Decimal]
    limit: int


def predict(replay: Replay, *, studio: Studio) -> dict[str, Any]:
    """How many events it is about, how many are still wanted, what of it is open with whom, and its cost at most."""
    events = _events(replay, studio)
    wanted = [envelope for envelope in events if is_wanted(envelope, studio.documents)]
    consumers, cost = {}, Decimal(0)
    for target in _targets(replay, studio):
        mine = [each for each in wanted if target.wants(delivery_of(each))]
        open_ = [each for each in mine if not _is_done(target.name, each, studio)]
        consumers[target.name] = {"events": len(mine), "done": len(mine) - len(open_)}
        cost += sum((_cost(target.name, each, studio) for each in open_), Decimal(0))
    return {
        "events": len(events),
        "unwanted": len(events) - len(wanted),
        "consumers": consumers,
        "at_most_usd": dollars(cost),
    }


def play(replay: Replay, *, studio: Studio) -> dict[str, Any]:
    """Send the events to the queues of those that consume them, and say how many."""
    sent = {}
    wanted = [envelope for envelope in _events(replay, studio) if is_wanted(envelope, studio.documents)]
    for target in _targets(replay, studio):
        mine = [delivery for delivery in map(delivery_of, wanted) if target.wants(delivery)]
        target.queue.send(*mine)
        sent[target.name] = len(mine)
    return {"events": len(wanted), "sent": sent}


def is_wanted(envelope: Envelope, documents: Documents) -> bool:
    """Whether what an event is about is still there: a document that was deleted or replaced is not."""
    kind, _, id_ = envelope.subject.partition("/")
    if kind != "documents":
        return True
    try:
        row = documents.get(envelope.tenant, id_)
    except NotFound:
        return False
    return bool(
        row["status"] != Status.DELETED and envelope.data.get("document_version", row["version"]) == row["version"]
    )


def delivery_of(envelope: Envelope) -> Delivery:
    """An event as its rule puts it into a queue."""
    return Delivery(source=envelope.source, detail_type=envelope.type, detail=envelope)


def _events(replay: Replay, studio: Studio) -> list[Envelope]:
    """Raises `Invalid` if they are too many for one replay."""
    picked: Iterable[Envelope] = filter(replay.picks, studio.journal.read(replay.since, replay.until))
    events = list({envelope.id: envelope for envelope in islice(picked, studio.limit + 1)}.values())
    if len(events) > studio.limit:
        raise Invalid("until", f"there are over {studio.limit} events, which is the limit; replay a shorter time")
    return events


def _targets(replay: Replay, studio: Studio) -> list[Target]:
    """Raises `Invalid` for a consumer that is not there."""
    found = [target for target in studio.targets if replay.consumer in ("", target.name)]
    if not found:
        names = ", ".join(sorted(target.name for target in studio.targets))
        raise Invalid("consumer", f"there is no {replay.consumer!r}; there are: {names}")
    return found


def _cost(consumer: str, envelope: Envelope, studio: Studio) -> Decimal:
    """What a consumer may spend on an event at most in US dollars; a rule spends nothing, but what it asks for does."""
    leads_to = requests(envelope, rules=studio.rules).values() if consumer == RULES else [envelope]
    paid = [CATALOGUE[each.type].pays for each in leads_to if each.type in CATALOGUE]
    return sum((studio.budgets[each] for each in paid), Decimal(0))


def _is_done(consumer: str, envelope: Envelope, studio: Studio) -> bool:
    store = studio.done(consumer)
    store.configure(remembering(), key_prefix=consumer)
    try:
        record = store.get_record(envelope.id)  # type: ignore[arg-type]
    except IdempotencyItemNotFoundError:
        return False
    return bool(record and record.status == "COMPLETED")
