"""What a task did, in the tasks table: a row for each step, and under it one for each call of a tool.

Rows are only ever added to. A step's row is the model's decision; a call's row is, one after the other, a question for
a human, the claim of who runs it, and what came of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from quadrille.errors import Busy
from quadrille.rows import Row, from_item, get, to_item

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Step:
    """A step's row with those of its calls, by their number."""

    number: int
    row: Row
    calls: Mapping[int, Row]


@dataclass(frozen=True, slots=True)
class Steps:
    """Steps of every task, numbered from 1; calls of a step from 0."""

    table: str
    dynamodb: "DynamoDBClient"
    days: int
    now: Callable[[], float]

    def add(self, tenant: str, task_id: str, number: int, values: Mapping[str, Any]) -> Row:
        """Add a step, and give its row: the one that is there, if there is one."""
        row = {**_key(tenant, task_id, number), **values, "at": self._milliseconds(), "expires_at": self._expires()}
        try:
            self.dynamodb.put_item(
                TableName=self.table,
                Item=to_item(row),
                ConditionExpression="attribute_not_exists(pk)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException as error:
            return from_item(error.response["Item"])  # type: ignore[typeddict-item]
        return row

    def get(self, tenant: str, task_id: str, number: int) -> Row | None:
        """A step's row."""
        return get(self.dynamodb, self.table, _key(tenant, task_id, number))

    def call(self, tenant: str, task_id: str, number: int, call: int) -> Row:
        """A call's row; empty if there is none yet."""
        return get(self.dynamodb, self.table, _key(tenant, task_id, number, call)) or {}

    def after(self, tenant: str, task_id: str, number: int, *, limit: int | None = None) -> list[Step]:
        """The steps after this one, in order; `limit` of them, if one is given."""
        pages = self.dynamodb.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="pk = :pk AND sk > :sk",
            ExpressionAttributeValues=to_item({":pk": _pk(tenant, task_id), ":sk": f"{number:0{_DIGITS}}/~"}),
            ConsistentRead=True,
        )
        steps: list[Step] = []
        for row in (from_item(item) for page in pages for item in page["Items"]):
            place, _, call = row["sk"].partition("/")
            if call and not (steps and steps[-1].number == int(place)):
                continue  # what is left of a step that has expired
            if call:
                steps[-1].calls[int(call)] = row  # type: ignore[index]
            elif len(steps) == limit:
                break
            else:
                steps.append(Step(int(place), row, {}))
        return steps

    def ask(self, tenant: str, task_id: str, number: int, call: int, *, until: int) -> None:
        """Note that a human is to decide about a call until then, in seconds since the epoch. Once asked, it stays."""
        values = {"decision": "pending", "until": until}
        self._set(tenant, task_id, number, call, values, "attribute_not_exists(pk)")

    def decide(self, tenant: str, task_id: str, number: int, call: int, values: Mapping[str, Any]) -> bool:
        """Note what a human decided; false if nobody is asked, or not any more."""
        condition = "decision = :pending AND #until > :now"
        more = {":pending": "pending", ":now": int(self.now())}
        return self._set(tenant, task_id, number, call, {**values, "decided_at": int(self.now())}, condition, more)

    def begin(self, tenant: str, task_id: str, number: int, call: int, *, ends_at: float) -> Row:
        """Claim a call until its worker is surely gone, and give the row with the number of its `tries`.

        Raises `Busy` while another worker has it.
        """
        now, names = self._milliseconds(), {"#lease": "lease"}
        try:
            answer = self.dynamodb.update_item(
                TableName=self.table,
                Key=to_item(_key(tenant, task_id, number, call)),
                UpdateExpression="SET #lease = :lease, begun = if_not_exists(begun, :now), expires_at = :expires "
                "ADD tries :one",
                ConditionExpression="attribute_not_exists(#lease) OR #lease < :now OR attribute_exists(observation)",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=to_item(
                    {":lease": int(ends_at * 1000), ":now": now, ":one": 1, ":expires": self._expires()}
                ),
                ReturnValues="ALL_NEW",
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException as error:
            raise Busy("Another worker has this call.", seconds=max(1.0, ends_at - self.now())) from error
        return from_item(answer["Attributes"])

    def release(self, tenant: str, task_id: str, number: int, call: int) -> None:
        """Give a claim back: nothing was done, and another try may do it."""
        self._set(tenant, task_id, number, call, {"lease": 0}, "attribute_not_exists(observation)")

    def end(self, tenant: str, task_id: str, number: int, call: int, values: Mapping[str, Any]) -> None:
        """Note what came of a call. What was noted first stays."""
        done = {**values, "ended": self._milliseconds(), "expires_at": self._expires()}
        self._set(tenant, task_id, number, call, done, "attribute_not_exists(observation)")

    def _set(
        self,
        tenant: str,
        task_id: str,
        number: int,
        call: int,
        values: Mapping[str, Any],
        condition: str,
        more: Mapping[str, Any] | None = None,
    ) -> bool:
        names = {f"#{name}": name for name in values} | ({"#until": "until"} if "#until" in condition else {})
        try:
            self.dynamodb.update_item(
                TableName=self.table,
                Key=to_item(_key(tenant, task_id, number, call)),
                UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
                ConditionExpression=condition,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=to_item(
                    {**{f":{name}": value for name, value in values.items()}, **(more or {})}
                ),
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _milliseconds(self) -> int:
        return int(self.now() * 1000)

    def _expires(self) -> int:
        return int(self.now()) + self.days * 86_400


def _key(tenant: str, task_id: str, number: int, call: int | None = None) -> dict[str, str]:
    below = "" if call is None else f"/{call:03}"
    return {"pk": _pk(tenant, task_id), "sk": f"{number:0{_DIGITS}}{below}"}


def _pk(tenant: str, task_id: str) -> str:
    return f"steps#{tenant}#{task_id}"
