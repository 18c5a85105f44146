"""What was spent, reserved and saved: by day, room, model, document or task, out of the ledger's rows of spending."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from decimal import Decimal
from itertools import groupby, islice
from typing import TYPE_CHECKING, Literal

from quadrille.budgets import spending_key
from quadrille.receipts import Receipt
from quadrille.rows import Row, from_item, get_all, to_item

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

By = Literal["day", "room", "model", "document", "task"]


@dataclass(frozen=True, slots=True)
class Cost:
    """Sums of one group. Money is US dollars; what is ambiguous is part of what was spent."""

    spent: Decimal = Decimal(0)
    reserved: Decimal = Decimal(0)
    saved_cache: Decimal = Decimal(0)
    saved_duplicate: Decimal = Decimal(0)
    ambiguous_usd: Decimal = Decimal(0)
    ambiguous: Decimal = Decimal(0)
    calls: Decimal = Decimal(0)
    retries: Decimal = Decimal(0)
    input: Decimal = Decimal(0)
    output: Decimal = Decimal(0)
    embedding: Decimal = Decimal(0)

    def __add__(self, other: "Cost") -> "Cost":
        """Both together."""
        return Cost(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def receipt(self, models: Iterable[str]) -> Receipt:
        """The same as a receipt."""
        return Receipt(
            cost_usd=self.spent,
            saved_usd=self.saved_cache + self.saved_duplicate,
            calls=int(self.calls),
            retries=int(self.retries),
            ambiguous=int(self.ambiguous),
            input_tokens=int(self.input),
            output_tokens=int(self.output),
            embedding_tokens=int(self.embedding),
            models=tuple(models),
        )


@dataclass(frozen=True, slots=True)
class Booked:
    """One amount of a row of spending, and what it is booked under."""

    day: str
    room: str
    model: str
    cost: Cost


@dataclass(frozen=True, slots=True)
class Costs:
    """The rows of spending of the ledger table."""

    table: str
    dynamodb: "DynamoDBClient"

    def by(
        self, by: By, tenant: str, first: str, last: str, *, after: str | None, limit: int
    ) -> tuple[list[tuple[str, Cost]], str | None]:
        """Groups and their costs from the day `first` to the day `last`, and where to go on if there may be more.

        Days, rooms and models come all at once; documents and tasks by id, at most `limit`. A document is all its
        versions together.
        """
        if by in ("document", "task"):
            return self._by_id(tenant, by, first, last, after, limit)
        booked = [one for row in self._rows(tenant, "day", first, last) for one in amounts(row)]
        sums: dict[str, Cost] = {}
        for one in booked:
            group = getattr(one, by)
            sums[group] = sums.get(group, Cost()) + one.cost
        return sorted(sums.items()), None

    def receipts(self, tenant: str, scope: str, ids: list[str]) -> dict[str, Receipt]:
        """What each document version or task has cost so far; nothing, if nothing was paid for it."""
        keys = [spending_key(tenant, scope, id_) for id_ in ids]
        rows = {row["sk"]: row for row in get_all(self.dynamodb, self.table, keys)}
        return {id_: receipt(rows.get(id_, {})) for id_ in ids}

    def _by_id(
        self, tenant: str, scope: str, first: str, last: str, after: str | None, limit: int
    ) -> tuple[list[tuple[str, Cost]], str | None]:
        start = "" if after is None else f"{after}/~" if scope == "document" else f"{after}\0"
        rows = self._rows(tenant, scope, start or " ", "~")
        groups = ((id_, _total(rows, first, last)) for id_, rows in groupby(rows, lambda row: row["sk"].split("/")[0]))
        spent = ((id_, cost) for id_, cost in groups if cost != Cost())
        found = list(islice(spent, limit + 1))
        return found[:limit], found[limit - 1][0] if len(found) > limit else None

    def _rows(self, tenant: str, scope: str, first: str, last: str) -> Iterator[Row]:
        pages = self.dynamodb.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues=to_item(
                {":pk": spending_key(tenant, scope, "")["pk"], ":first": first, ":last": last}
            ),
        )
        return (from_item(item) for page in pages for item in page["Items"])


def amounts(row: Row) -> Iterator[Booked]:
    """What a row of spending holds, one amount at a time."""
    for name, amount in row.items():
        if name.count("|") >= 3:
            day, room, rest = name.split("|", 2)
            model, what = rest.rsplit("|", 1)
            yield Booked(day, room, model, Cost(**{what: amount}))


def receipt(row: Row) -> Receipt:
    """All that a row of spending holds, as one receipt."""
    booked = list(amounts(row))
    models = dict.fromkeys(one.model for one in booked if one.cost.calls)
    return sum((one.cost for one in booked), Cost()).receipt(models)


def _total(rows: Iterable[Row], first: str, last: str) -> Cost:
    within = (one.cost for row in rows for one in amounts(row) if first <= one.day <= last)
    return sum(within, Cost())
