"""Why consumers set events aside, in the cases table: what their dead letters do not say themselves."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quadrille.rows import get, to_item

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Failures:
    """The last reason by consumer and event id, each remembered for so many `days`."""

    table: str
    dynamodb: "DynamoDBClient"
    days: int
    now: Callable[[], float]

    def note(self, consumer: str, event_id: str, reason: str) -> None:
        """Remember why a consumer has set an event aside."""
        row = {**_key(consumer, event_id), "reason": reason, "expires_at": int(self.now()) + self.days * _DAY}
        self.dynamodb.put_item(TableName=self.table, Item=to_item(row))

    def reason(self, consumer: str, event_id: str) -> str | None:
        """Why it did, if that is known."""
        row = get(self.dynamodb, self.table, _key(consumer, event_id))
        return row["reason"] if row else None


def _key(consumer: str, event_id: str) -> dict[str, str]:
    return {"pk": f"failed#{consumer}", "sk": event_id}
