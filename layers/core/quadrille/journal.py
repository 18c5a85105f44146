"""The journal: every event that was published, by the day, for replay."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from quadrille.events import Envelope
from quadrille.rows import from_item, put_all, to_item

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Journal:
    """Events of all tenants, each kept for so many `days` after it happened."""

    table: str
    dynamodb: "DynamoDBClient"
    days: int

    def write(self, envelopes: Sequence[Envelope]) -> None:
        """Keep events; one that is kept already stays as it is. Raises `RetryLater`."""
        rows = {self._key(envelope): envelope for envelope in envelopes}
        put_all(
            self.dynamodb,
            self.table,
            [
                {"pk": pk, "sk": sk, "event": envelope.model_dump_json(), "expires_at": self._expires(envelope)}
                for (pk, sk), envelope in rows.items()
            ],
        )

    def read(self, since: datetime, until: datetime) -> Iterator[Envelope]:
        """The events from `since` to before `until`, in the order of their times."""
        since, until = since.astimezone(UTC), until.astimezone(UTC)
        for day in _days(since.date(), until.date()):
            pages = self.dynamodb.get_paginator("query").paginate(
                TableName=self.table,
                KeyConditionExpression="pk = :pk AND sk BETWEEN :since AND :until",
                ExpressionAttributeValues=to_item(
                    {":pk": _pk(day.isoformat()), ":since": _text(since), ":until": _text(until)}
                ),
            )
            for page in pages:
                yield from (Envelope.model_validate_json(from_item(item)["event"]) for item in page["Items"])

    def _key(self, envelope: Envelope) -> tuple[str, str]:
        return _pk(envelope.time[:10]), f"{envelope.time}#{envelope.id}"

    def _expires(self, envelope: Envelope) -> int:
        return int(datetime.fromisoformat(envelope.time).timestamp()) + self.days * _DAY


def _pk(day: str) -> str:
    return f"journal#{day}"


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
