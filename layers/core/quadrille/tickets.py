"""The tickets of a tenant's desk, in the cases table: what customers wrote, what is known of it, what is replied.

A ticket is one row. Its messages and drafts are rows of its trail, so that nothing is read to be written again: a
message is there once, by its text, and whoever comes second finds it. The enrichment's parts are put by stages that
know nothing of one another, each once; who puts the last one joins them.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from quadrille.customers import Customers, Entry
from quadrille.errors import Conflict, NotFound, Parked, RetryLater
from quadrille.events import Event, TicketCreated, TicketEnriched, emits
from quadrille.rows import Row, from_item, get, get_all, to_item

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

STAGES = ("classification", "history", "documents")  # attributes of a ticket, and the stages of its enrichment

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DAY = 86_400
_TRIES = 5
_LIST_PAGES = 20  # read for one page of a filtered list; what is left is behind the cursor

Outcome = Literal["accepted", "known"]
Status = Literal["open", "answered"]


@dataclass(frozen=True, slots=True)
class Message:
    """What a customer wrote, about which ticket of which source. `created_at` is RFC 3339, or empty."""

    source_id: str
    ticket_id: str
    address: str
    name: str
    subject: str
    text: str
    created_at: str
    channel: str

    @property
    def digest(self) -> str:
        """What tells it from the ticket's other messages."""
        return _digest(self.text)

    @property
    def size(self) -> int:
        """Bytes of the text."""
        return len(self.text.encode("utf-8", "surrogatepass"))

    @property
    def names(self) -> list[str]:
        """What the ticket may be called here: as over there, or beside the name of the source, if it is taken."""
        safe = [self.ticket_id, f"{self.source_id}.{self.ticket_id}"] if _SAFE.fullmatch(self.ticket_id) else []
        return [*safe, f"{self.source_id}.{_digest(self.ticket_id)}"]


@dataclass(frozen=True, slots=True)
class Tickets:
    """Tickets by tenant, of at most so many messages and bytes, kept for so many `days` after their last change."""

    table: str
    dynamodb: "DynamoDBClient"
    customers: Customers
    most: int
    most_bytes: int
    days: int
    now: Callable[[], float]

    def take(self, tenant: str, message: Message) -> tuple[str, Outcome]:
        """Make a message's ticket, or add it to the one that is there; the ticket's id, and whether that was new.

        Raises `Parked` for a ticket that is full, and `RetryLater`.
        """
        for _ in range(_TRIES):
            row, name = self._place(tenant, message)
            outcome = self._add(row, message) if row else self._create(tenant, name, message)
            if outcome:
                return name, outcome
        raise RetryLater("Many deliveries about this ticket came at once.")

    def get(self, tenant: str, ticket_id: str) -> Row:
        """A tenant's ticket. Raises `NotFound`."""
        row = get(self.dynamodb, self.table, _key(tenant, ticket_id))
        if row is None:
            raise NotFound(f"There is no ticket {ticket_id!r}.")
        return row

    def trail(self, tenant: str, ticket_id: str) -> tuple[list[Row], list[Row]]:
        """A ticket's messages in the order of their times, and its drafts in theirs."""
        pages = self.dynamodb.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=to_item({":pk": _trail(tenant, ticket_id)}),
            ConsistentRead=True,
        )
        rows = [from_item(item) for page in pages for item in page["Items"]]
        messages = [row for row in rows if row["sk"].startswith("message#")]
        drafts = [row for row in rows if row["sk"].startswith("draft#")]
        return (
            sorted(messages, key=lambda row: (row["written_at"], row["received_at"])),
            sorted(drafts, key=lambda row: row["created_at"]),
        )

    def first(self, row: Row) -> Row:
        """The message that made a ticket."""
        return self._in_trail(row, f"message#{row['first']}", "message")

    def draft(self, row: Row, draft_id: str) -> Row:
        """A ticket's draft. Raises `NotFound`."""
        return self._in_trail(row, f"draft#{draft_id}", "draft")

    def page(
        self, tenant: str, keep: Callable[[Row], bool], *, after: str | None, limit: int
    ) -> tuple[list[Row], str | None]:
        """At most `limit` of a tenant's tickets that are to be kept, newest first, and where to go on."""
        found: list[Row] = []
        for _ in range(_LIST_PAGES):
            places, more = self._places(tenant, after, limit)
            keys = [_key(tenant, place.partition(".")[2]) for place in places]
            rows = {row["place"]: row for row in get_all(self.dynamodb, self.table, keys)}
            for place in places:
                after = place
                if place in rows and keep(rows[place]):
                    found.append(rows[place])
                    if len(found) == limit:
                        return found, after
            if not more:
                return found, None
        return found, after

    def put_part(self, tenant: str, ticket_id: str, stage: str, part: Mapping[str, Any]) -> Row:
        """Put a stage's part, if it has none yet; the ticket as it is then. Raises `NotFound`."""
        row = self._set(
            _key(tenant, ticket_id), {stage: part}, f"attribute_exists(pk) AND attribute_not_exists({stage})"
        )
        return row or self.get(tenant, ticket_id)

    def enrich(self, row: Row, values: Mapping[str, Any], missing: Sequence[str], *, hops: int) -> None:
        """Join the parts of a ticket, once: what follows from them, and the event, in one write."""
        tenant, ticket_id = tenant_of(row), row["sk"]
        event = TicketEnriched(ticket_id=ticket_id, missing=list(missing))
        said = _emits(event, tenant, ticket_id, once=_born(row), hops=hops)
        values = {**values, "missing": list(missing), "enriched_at": self._now(), **said}
        self._set(_key(tenant, ticket_id), values, "attribute_exists(pk) AND attribute_not_exists(enriched_at)")

    def keep_labels(self, row: Row, letter: str, labels: Mapping[str, Any]) -> None:
        """Keep what a letter of the ticket was found to be, by its digest."""
        self._set(_of(row), {f"labels_{letter}": labels}, "attribute_exists(pk)")

    def keep_draft(self, row: Row, draft_id: str, values: Mapping[str, Any]) -> Row:
        """Keep a draft; the one that is kept under this id, if there is one already."""
        key = {"pk": _trail(tenant_of(row), row["sk"]), "sk": f"draft#{draft_id}"}
        whole = {**key, **values, "draft_id": draft_id, "created_at": self._now(), "expires_at": self._expires()}
        try:
            self.dynamodb.put_item(
                TableName=self.table, Item=to_item(whole), ConditionExpression="attribute_not_exists(pk)"
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            return self.draft(row, draft_id)
        return whole

    def decide(self, row: Row, drafted: Row, decision: Mapping[str, Any], event: Event | None) -> Row | None:
        """Write a decision into a draft that has none, and with `event`, that it approves, into the ticket.

        The draft as it is then; None if somebody has decided before. Raises `Conflict` if the ticket was answered, or
        has a message that is newer than the draft: nobody would ever look at it.
        """
        tenant, ticket_id, draft_id = tenant_of(row), row["sk"], drafted["draft_id"]
        draft = {"pk": _trail(tenant, ticket_id), "sk": f"draft#{draft_id}"}
        once = f"{_born(row)}/{draft_id}"
        said = _emits(event, tenant, ticket_id, once=once, hops=int(row["hops"]) + 1) if event else {}
        undecided = "attribute_exists(pk) AND attribute_not_exists(decision)"
        items = [self._update(draft, {**decision, "decided_at": self._now(), **said}, undecided)]
        if event:
            answered = {"status": "answered", "answered_by": draft_id, "expires_at": self._expires()}
            seen = {":open": "open", ":messages": drafted["messages"]}
            items.append(self._update(_of(row), answered, "#status = :open AND messages = :messages", seen))
        reasons = self._write(items)
        if reasons and reasons[0] == "ConditionalCheckFailed":
            return None
        if reasons and "ConditionalCheckFailed" in reasons:
            raise Conflict(f"The ticket {ticket_id!r} is answered, or its customer has written since this draft.")
        if reasons:
            raise RetryLater("The draft is being decided about by somebody else.")
        return self.draft(row, draft_id)

    def entry(self, row: Row) -> Entry:
        """Where a ticket stands among its customer's."""
        return Entry(tenant_of(row), row["address"], "tickets", row["sk"], int(row["received_at"]))

    def _place(self, tenant: str, message: Message) -> tuple[Row | None, str]:
        """The ticket a message is about, or the first name that is free for it."""
        names = message.names
        rows = {row["sk"]: row for row in get_all(self.dynamodb, self.table, [_key(tenant, name) for name in names])}
        origin = (message.source_id, message.ticket_id)
        for name, row in rows.items():
            if (row["source_id"], row["external_id"]) == origin:
                return row, name
        return None, next(name for name in names if name not in rows)

    def _create(self, tenant: str, name: str, message: Message) -> Outcome | None:
        """None if somebody was quicker."""
        now, place = self._now(), f"{self._now():011x}.{name}"
        row = {
            **_key(tenant, name),
            "place": place,
            "source_id": message.source_id,
            "external_id": message.ticket_id,
            "address": message.address,
            "name": message.name,
            "subject": message.subject,
            "channel": message.channel,
            "created_at": message.created_at,
            "received_at": now,
            "status": "open",
            "messages": 1,
            "written": message.size,
            "first": message.digest,
            "hops": 0,
            "expires_at": self._expires(),
            **_emits(TicketCreated(ticket_id=name, source_id=message.source_id), tenant, name, once=str(now)),
        }
        index = {"pk": f"tickets#{tenant}", "sk": place, "expires_at": self._expires()}
        known = {"subject": message.subject, "status": "open"}
        reasons = self._write(
            [
                self._put(row),
                self._put(index),
                self._put(self._message_row(tenant, name, message, now)),
                self.customers.item(self.entry(row), known),
            ]
        )
        return None if reasons else "accepted"

    def _add(self, row: Row, message: Message) -> Outcome | None:
        """None if it is not known what came of it. Raises `Parked`."""
        tenant, now = tenant_of(row), self._now()
        changed = {"status": "open", "expires_at": self._expires()}
        limits = {":most": self.most, ":room": self.most_bytes - message.size, ":one": 1, ":size": message.size}
        fits, added = "messages < :most AND written <= :room", "ADD messages :one, written :size"
        more = self._update(_of(row), changed, fits, limits, added)
        listed = self._update({"pk": f"tickets#{tenant}", "sk": row["place"]}, {"expires_at": self._expires()}, "")
        reasons = self._write([self._put(self._message_row(tenant, row["sk"], message, now)), more, listed])
        if not reasons:
            return "accepted"
        if reasons[0] == "ConditionalCheckFailed":
            return "known"
        if reasons[1] == "ConditionalCheckFailed":
            raise Parked(
                f"The ticket {row['sk']!r} is full: it takes {self.most} messages, of {self.most_bytes} bytes."
            )
        return None

    def _message_row(self, tenant: str, name: str, message: Message, now: int) -> Row:
        return {
            "pk": _trail(tenant, name),
            "sk": f"message#{message.digest}",
            "text": message.text,
            "created_at": message.created_at,
            "written_at": message.created_at or _text(now),
            "received_at": now,
            "expires_at": self._expires(),
        }

    def _in_trail(self, row: Row, sk: str, what: str) -> Row:
        found = get(self.dynamodb, self.table, {"pk": _trail(tenant_of(row), row["sk"]), "sk": sk})
        if found is None:
            raise NotFound(f"The ticket {row['sk']!r} has no {what} of this id.")
        return found

    def _places(self, tenant: str, after: str | None, limit: int) -> tuple[list[str], bool]:
        """Where tickets stand in the list, and whether there may be more behind them."""
        page: dict[str, Any] = {"ExclusiveStartKey": to_item({"pk": f"tickets#{tenant}", "sk": after})} if after else {}
        answer = self.dynamodb.query(
            TableName=self.table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=to_item({":pk": f"tickets#{tenant}"}),
            ScanIndexForward=False,
            Limit=limit,
            **page,
        )
        return [item["sk"]["S"] for item in answer["Items"]], "LastEvaluatedKey" in answer

    def _set(self, key: Mapping[str, str], values: Mapping[str, Any], condition: str) -> Row | None:
        """Set values if the condition holds, and give the row; else None."""
        update = self._update(key, values, condition)["Update"]
        try:
            answer = self.dynamodb.update_item(**update, ReturnValues="ALL_NEW")
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            return None
        return from_item(answer["Attributes"])

    def _update(
        self,
        key: Mapping[str, str],
        values: Mapping[str, Any],
        condition: str,
        compared: Mapping[str, Any] | None = None,
        more: str = "",
    ) -> dict[str, Any]:
        set_ = ", ".join(f"#{name} = :{name}" for name in values)
        given = {**{f":{name}": value for name, value in values.items()}, **(compared or {})}
        return {
            "Update": {
                "TableName": self.table,
                "Key": to_item(key),
                "UpdateExpression": f"SET {set_} {more}".strip(),
                "ExpressionAttributeNames": {f"#{name}": name for name in values},
                "ExpressionAttributeValues": to_item(given),
                **({"ConditionExpression": condition} if condition else {}),
            }
        }

    def _put(self, row: Row) -> dict[str, Any]:
        condition = {"ConditionExpression": "attribute_not_exists(pk)"}
        return {"Put": {"TableName": self.table, "Item": to_item(row), **condition}}

    def _write(self, items: Sequence[Any]) -> list[str]:
        """Write all of it or nothing; of nothing the code of each item's reason."""
        try:
            self.dynamodb.transact_write_items(TransactItems=items)
        except self.dynamodb.exceptions.TransactionCanceledException as error:
            return [reason["Code"] for reason in error.response["CancellationReasons"]]
        return []

    def _now(self) -> int:
        return int(self.now() * 1_000)

    def _expires(self) -> int:
        return int(self.now()) + self.days * _DAY


def _emits(event: Event, tenant: str, ticket_id: str, *, once: str = "", hops: int = 0) -> Mapping[str, Any]:
    return emits(event, tenant=tenant, subject=f"tickets/{ticket_id}", once=once, hops=hops)


def _key(tenant: str, ticket_id: str) -> dict[str, str]:
    return {"pk": f"ticket#{tenant}", "sk": ticket_id}


def _of(row: Row) -> dict[str, str]:
    return {"pk": row["pk"], "sk": row["sk"]}


def tenant_of(row: Row) -> str:
    """Whose ticket it is."""
    return str(row["pk"].partition("#")[2])


def _born(row: Row) -> str:
    """What tells a ticket from one of its id that has expired: events of that one may still be remembered."""
    return str(int(row["received_at"]))


def _trail(tenant: str, ticket_id: str) -> str:
    return f"trail#{tenant}#{ticket_id}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _text(moment: int) -> str:
    return datetime.fromtimestamp(moment / 1_000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
