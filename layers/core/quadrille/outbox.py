"""The outbox: events that are no change of another row have one of their own, in the cases table.

Whatever is put here is published by the table's stream, once put, however often it is put again.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from quadrille.events import Envelope
from quadrille.rows import Row, page_of, to_item

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

_DAY = 86_400
_PIECE = 25  # events of a transaction, which holds 4 MB


@dataclass(frozen=True, slots=True)
class Outbox:
    """Events by tenant and id, each remembered for so many `days`."""

    table: str
    dynamodb: "DynamoDBClient"
    days: int
    now: Callable[[], float]

    def put(self, envelope: Envelope) -> bool:
        """Publish an event; false if one with its id was put before."""
        return self._put(self._row(envelope))

    def put_all(self, envelopes: Sequence[Envelope]) -> set[str]:
        """Publish events, and give the ids of those that were not put before."""
        distinct = list({envelope.id: envelope for envelope in envelopes}.values())
        pieces = (distinct[start : start + _PIECE] for start in range(0, len(distinct), _PIECE))
        return {envelope.id for piece in pieces for envelope in self._put_piece(piece)}

    def park(self, envelope: Envelope, reason: str, *, by: str) -> bool:
        """Keep an event that `by` cannot take, unpublished, and why; false if it is kept already."""
        sk = f"{envelope.id}~{by}"  # a cursor as well: a "#" would end the address it stands in
        row = {"pk": f"parked#{envelope.tenant}", "sk": sk, "parked": reason}
        return self._put({**row, "event": envelope.model_dump_json()})

    def parked(self, tenant: str, *, after: str | None, limit: int) -> tuple[list[tuple[Envelope, str]], str | None]:
        """At most `limit` of a tenant's parked events, each with why it is, and where to go on if there may be more.

        They are whole and may be large, so a page has at most the 1 MB of one read: a reply has 6 MB.
        """
        pk = f"parked#{tenant}"
        query: dict[str, Any] = {
            "TableName": self.table,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": to_item({":pk": pk}),
            "Limit": limit,
        }
        if after:
            query["ExclusiveStartKey"] = to_item({"pk": pk, "sk": after})
        rows, more = page_of(self.dynamodb, query, limit=limit, reads=1)
        return [(Envelope.model_validate_json(row["event"]), row["parked"]) for row in rows], more

    def _put_piece(self, envelopes: Sequence[Envelope]) -> Sequence[Envelope]:
        """Those that are new. Several are put at once, if nobody has put or is putting one of them."""
        if len(envelopes) > 1:
            puts: Any = [{"Put": self._request(self._row(envelope))} for envelope in envelopes]
            with suppress(self.dynamodb.exceptions.TransactionCanceledException):
                self.dynamodb.transact_write_items(TransactItems=puts)
                return envelopes
        return [envelope for envelope in envelopes if self.put(envelope)]

    def _put(self, row: Row) -> bool:
        try:
            self.dynamodb.put_item(**self._request(row))
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _row(self, envelope: Envelope) -> Row:
        emits = {"id": envelope.id, "event": envelope.model_dump_json()}
        return {"pk": f"event#{envelope.tenant}", "sk": envelope.id, "emits": emits}

    def _request(self, row: Row) -> Any:
        item = to_item({**row, "expires_at": int(self.now()) + self.days * _DAY})
        return {"TableName": self.table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
