"""The tasks table: what an agent was asked to do, how far it has come, and what it may use.

A task is one row. Its loop writes under the condition that the task is still under way in the same run, so a late
Lambda of an earlier run, or of a task that was cancelled, changes nothing.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from quadrille.errors import Conflict, NotFound, TooMany
from quadrille.rows import Row, from_item, get, get_all, page_of, to_item

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ID = "task_[0-9a-f]{27}"
_DAY = 86_400
_RECHECK_SECONDS = 30


class Status(StrEnum):
    """Where a task is. What is `stopped` or `failed` can be resumed."""

    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    STOPPED = "stopped"
    FAILED = "failed"
    CANCELLED = "cancelled"


ACTIVE = (Status.RUNNING, Status.WAITING)
RESUMABLE = (Status.STOPPED, Status.FAILED)


@dataclass(frozen=True, slots=True)
class Tasks:
    """Tasks of every tenant, each kept for so many `days` after its last change; `at_once` of a tenant may run."""

    table: str
    dynamodb: "DynamoDBClient"
    days: int
    at_once: int
    now: Callable[[], float]

    def create(self, tenant: str, values: Mapping[str, Any], *, once: str, digest: str) -> Row:
        """A new task's row, or that of the task that was given with the same key `once`, if it is not empty.

        `digest` stands for what is asked for. Raises `Conflict` if the key came with something else before, and
        `TooMany`.
        """
        row = {**_key(tenant, self._new_id()), **values, "created_at": int(self.now()), **self._changed()}
        items = [self._put(row)]
        if once:
            first = {**_once(tenant, once), "task_id": row["sk"], "digest": digest, "expires_at": row["expires_at"]}
            items.append(self._put(first))
        try:
            self.admit(tenant, row["sk"])
            self.dynamodb.transact_write_items(TransactItems=items)  # type: ignore[arg-type]
        except (TooMany, self.dynamodb.exceptions.TransactionCanceledException):
            met = get(self.dynamodb, self.table, _once(tenant, once)) if once else None
            if met is None:
                raise
            if met["digest"] != digest:
                raise Conflict("This Idempotency-Key was used for another task; take a new one.") from None
            return self.get(tenant, met["task_id"])
        return row

    def admit(self, tenant: str, task_id: str) -> None:
        """Count a task among those that run. Raises `TooMany`."""
        if not self._enter(tenant, task_id):
            self._leave(tenant)
            if not self._enter(tenant, task_id):
                raise TooMany(
                    f"{self.at_once} tasks of yours are running; wait for one, or cancel one.", seconds=_RECHECK_SECONDS
                )

    def get(self, tenant: str, task_id: str) -> Row:
        """A tenant's task. Raises `NotFound`, also for one of another tenant."""
        row = get(self.dynamodb, self.table, _key(tenant, task_id))
        if row is None:
            raise NotFound(f"There is no task {task_id!r}.")
        return row

    def list(
        self, tenant: str, *, status: Status | None, after: str | None, limit: int
    ) -> tuple[list[Row], str | None]:
        """At most `limit` of a tenant's tasks, newest first, and the id to go on after if there may be more."""
        return page_of(self.dynamodb, self._page(tenant, status, after, limit), limit=limit)

    def active(self, tenant: str, task_id: str, run: int) -> Row | None:
        """The row, if this run of the task is under way."""
        row = get(self.dynamodb, self.table, _key(tenant, task_id))
        return row if row and row["run"] == run and row["status"] in ACTIVE else None

    def change(
        self, tenant: str, task_id: str, run: int, values: Mapping[str, Any], *, when: Iterable[Status] = ACTIVE
    ) -> Row | None:
        """Set values of a task that is in this run and in one of these states, and give the row; else None."""
        states = {f":state{number}": status for number, status in enumerate(when)}
        set_ = {**values, **self._changed()}
        try:
            answer = self.dynamodb.update_item(
                TableName=self.table,
                Key=to_item(_key(tenant, task_id)),
                UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in set_),
                ConditionExpression=f"#at = :at AND #state IN ({', '.join(states)})",
                ExpressionAttributeNames={**{f"#{name}": name for name in set_}, "#at": "run", "#state": "status"},
                ExpressionAttributeValues=to_item(
                    {**{f":{name}": value for name, value in set_.items()}, **states, ":at": run}
                ),
                ReturnValues="ALL_NEW",
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            return None
        return from_item(answer["Attributes"])

    def _enter(self, tenant: str, task_id: str) -> bool:
        values = {":task": {task_id}, ":id": task_id, ":most": self.at_once, ":expires": self._changed()["expires_at"]}
        try:
            self.dynamodb.update_item(
                TableName=self.table,
                Key=to_item(_running(tenant)),
                UpdateExpression="ADD running :task SET expires_at = :expires",
                ConditionExpression="attribute_not_exists(running) OR size(running) < :most OR contains(running, :id)",
                ExpressionAttributeValues=to_item(values),
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _leave(self, tenant: str) -> None:
        """Count those no longer that do not run: nobody does when a task ends, for a Lambda may die in between."""
        counted = (get(self.dynamodb, self.table, _running(tenant)) or {}).get("running", set())
        rows = get_all(self.dynamodb, self.table, [_key(tenant, task_id) for task_id in counted])
        ended = counted - {row["sk"] for row in rows if row["status"] == Status.RUNNING}
        if ended:
            self.dynamodb.update_item(
                TableName=self.table,
                Key=to_item(_running(tenant)),
                UpdateExpression="DELETE running :ended",
                ExpressionAttributeValues=to_item({":ended": ended}),
            )

    def _page(self, tenant: str, status: Status | None, after: str | None, limit: int) -> Any:
        values = {":pk": _key(tenant, "")["pk"], **({":status": status} if status else {})}
        page: dict[str, Any] = {
            "TableName": self.table,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": to_item(values),
            "ScanIndexForward": False,
            "Limit": limit,
        }
        if status:
            page |= {"FilterExpression": "#status = :status", "ExpressionAttributeNames": {"#status": "status"}}
        if after:
            page["ExclusiveStartKey"] = to_item(_key(tenant, after))
        return page

    def _put(self, row: Row) -> dict[str, Any]:
        condition = {"ConditionExpression": "attribute_not_exists(pk)"}
        return {"Put": {"TableName": self.table, "Item": to_item(row), **condition}}

    def _changed(self) -> dict[str, Any]:
        now = int(self.now())
        return {"updated_at": now, "expires_at": now + self.days * _DAY}

    def _new_id(self) -> str:
        """An id that sorts by time."""
        return f"task_{int(self.now() * 1000):011x}{secrets.token_hex(8)}"


def _key(tenant: str, task_id: str) -> dict[str, str]:
    return {"pk": f"task#{tenant}", "sk": task_id}


def _running(tenant: str) -> dict[str, str]:
    return {"pk": f"running#{tenant}", "sk": "tasks"}


def _once(tenant: str, key: str) -> dict[str, str]:
    return {"pk": f"once#{tenant}", "sk": key}
