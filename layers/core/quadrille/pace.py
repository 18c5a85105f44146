"""How fast a tenant's events are taken by one consumer, so that a flood of one does not become the wait of another.

The generic cell rate algorithm (ITU-T I.371): a row holds the moment until which the tenant's turns are taken.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quadrille.errors import Busy
from quadrille.rows import Row, from_item, to_item

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

_SECOND = 1_000
_MINUTE = 60 * _SECOND
_BURST = 5 * _SECOND  # of turns may be taken at once
_TRIES = 5
_KEPT = 86_400


@dataclass(frozen=True, slots=True)
class Pace:
    """`per_minute` turns of each tenant with each consumer; a cell is in milliseconds since the epoch."""

    table: str
    dynamodb: "DynamoDBClient"
    per_minute: int
    now: Callable[[], float]

    def book(self, consumer: str, tenant: str, turns: int = 1) -> list[float]:
        """Book the tenant's next turns, and give the seconds until each. Raises `Busy`."""
        turn = max(1, _MINUTE // self.per_minute)
        for _ in range(_TRIES):
            now = int(self.now() * _SECOND)
            taken = {":turns": turns * turn}
            row = self._set(consumer, tenant, "ADD taken_until :turns SET ", "taken_until > :now", now, taken)
            if row:
                return _waits(int(row["taken_until"]) - turns * turn - now, turn, turns)
            idle = "attribute_not_exists(taken_until) OR taken_until <= :now"
            if self._set(consumer, tenant, "SET taken_until = :until, ", idle, now, {":until": now + turns * turn}):
                return _waits(0, turn, turns)
        raise Busy("Turns of this tenant are being booked by many at once.")

    def _set(
        self, consumer: str, tenant: str, expression: str, condition: str, now: int, values: dict[str, int]
    ) -> Row | None:
        values = {**values, ":now": now, ":expires": now // _SECOND + _KEPT}
        try:
            answer = self.dynamodb.update_item(
                TableName=self.table,
                Key=to_item({"pk": f"pace#{consumer}", "sk": tenant}),
                UpdateExpression=f"{expression}expires_at = :expires",
                ConditionExpression=condition,
                ExpressionAttributeValues=to_item(values),
                ReturnValues="UPDATED_NEW",
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            return None
        return from_item(answer["Attributes"])


def _waits(ahead: int, turn: int, turns: int) -> list[float]:
    """Seconds until each of so many turns, of which the first is `ahead` milliseconds away but for the burst."""
    return [max(0.0, (ahead + number * turn - _BURST) / _SECOND) for number in range(turns)]
