"""Mails, in the cases table: what came, what it is, and the draft that answers it.

A mail is one row, however often and under whatever key it comes: a row beside it leads from the digest of what the mail
is to its id. Its triage writes under the condition that the mail has not been triaged yet.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from quadrille.customers import Customers, Entry
from quadrille.errors import NotFound
from quadrille.events import EmailReceived, EmailTriaged, emits
from quadrille.rows import Row, get, page_of, to_item

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

_DAY, _HOUR = 86_400, 3_600
_LISTED = (  # all but the texts
    *("pk", "sk", "status", "received_at", "updated_at", "from", "to", "subject", "attachments", "category"),
    *("priority", "sentiment", "language", "draft", "no_draft", "error", "receipt"),
)


class Status(StrEnum):
    """Where a mail is. One that is `triaged` or `failed` stays so."""

    RECEIVED = "received"
    TRIAGED = "triaged"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Emails:
    """Mails of every tenant, each kept for so many `days` after its last change."""

    table: str
    dynamodb: "DynamoDBClient"
    customers: Customers
    days: int
    now: Callable[[], float]

    def receive(self, tenant: str, digest: str, values: Mapping[str, Any], *, address: str, at: int, hops: int) -> bool:
        """Make the case of a mail that came at `at` (milliseconds); false if it has one.

        It is written with the customer's entry, if there is an address, and with what publishes EmailReceived.
        """
        first = {"pk": f"mail#{tenant}", "sk": digest}
        if get(self.dynamodb, self.table, first):  # cheaper than a transaction that fails
            return False
        email_id = f"email_{at:011x}{digest[:16]}"
        values = {**values, "status": Status.RECEIVED, "received_at": at, "address": address, "hops": hops}
        event = EmailReceived(email_id=email_id)
        published = emits(event, tenant=tenant, subject=f"emails/{email_id}", hops=hops)
        row = {**_key(tenant, email_id), **values, **self._changed(), **published}
        items = [self._put(row), self._put({**first, "email_id": email_id, "expires_at": row["expires_at"]})]
        if address:
            items.append(self.customers.item(entry_of(tenant, row), {"status": Status.RECEIVED}))
        try:
            self.dynamodb.transact_write_items(TransactItems=items)  # type: ignore[arg-type]
        except self.dynamodb.exceptions.TransactionCanceledException:
            if get(self.dynamodb, self.table, first) is None:
                raise
            return False
        return True

    def get(self, tenant: str, email_id: str) -> Row:
        """A tenant's mail. Raises `NotFound`, also for one of another tenant."""
        row = get(self.dynamodb, self.table, _key(tenant, email_id))
        if row is None:
            raise NotFound(f"There is no mail {email_id!r}.")
        return row

    def list(
        self, tenant: str, *, status: Status | None, category: str | None, after: str | None, limit: int
    ) -> tuple[list[Row], str | None]:
        """At most `limit` of a tenant's mails, newest first, and the id to go on after if there may be more."""
        return page_of(
            self.dynamodb, self._page(tenant, {"status": status, "category": category}, after, limit), limit=limit
        )

    def note(self, tenant: str, email_id: str, values: Mapping[str, Any]) -> None:
        """Set what is known of a mail so far, if it has not been triaged yet."""
        self._set(tenant, email_id, {**values, **self._changed()})

    def finish(self, tenant: str, row: Row, values: Mapping[str, Any], *, hops: int) -> bool:
        """Set what came of a mail, its status among it, and publish EmailTriaged; false if that was done before."""
        whole, email_id = {**row, **values}, row["sk"]
        event = EmailTriaged(
            email_id=email_id,
            status=whole["status"],
            drafted=bool(whole.get("draft")),
            **{name: whole.get(name) for name in ("category", "priority", "sentiment", "language")},
        )
        published = emits(event, tenant=tenant, subject=f"emails/{email_id}", hops=hops)
        return self._set(tenant, email_id, {**values, **self._changed(), **published})

    def may_draft(self, tenant: str, address: str, email_id: str, *, most: int) -> bool:
        """Whether a mail is among the first `most` of a sender's to be answered in this hour. Asking counts it."""
        now = int(self.now())
        entry = Entry(tenant, address, "emails", email_id, 0)
        key = {"pk": entry.key["pk"].replace("customer#", "drafts#", 1), "sk": str(now // _HOUR)}
        try:
            self.dynamodb.update_item(
                TableName=self.table,
                Key=to_item(key),
                UpdateExpression="ADD mails :one SET expires_at = :expires",
                ConditionExpression="attribute_not_exists(mails) OR contains(mails, :id) OR size(mails) < :most",
                ExpressionAttributeValues=to_item(
                    {":one": {email_id}, ":id": email_id, ":most": most, ":expires": now + _DAY}
                ),
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _set(self, tenant: str, email_id: str, values: Mapping[str, Any]) -> bool:
        try:
            self.dynamodb.update_item(
                TableName=self.table,
                Key=to_item(_key(tenant, email_id)),
                UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
                ConditionExpression="#status = :received",
                ExpressionAttributeNames={"#status": "status", **{f"#{name}": name for name in values}},
                ExpressionAttributeValues=to_item(
                    {":received": Status.RECEIVED, **{f":{name}": value for name, value in values.items()}}
                ),
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _page(self, tenant: str, wanted: Mapping[str, str | None], after: str | None, limit: int) -> dict[str, Any]:
        """A query for mails without their texts."""
        wanted = {name: value for name, value in wanted.items() if value is not None}
        page: dict[str, Any] = {
            "TableName": self.table,
            "KeyConditionExpression": "pk = :pk",
            "ProjectionExpression": ", ".join(f"#{name}" for name in _LISTED),
            "ExpressionAttributeNames": {f"#{name}": name for name in _LISTED},
            "ExpressionAttributeValues": to_item(
                {":pk": _key(tenant, "")["pk"], **{f":{name}": value for name, value in wanted.items()}}
            ),
            "ScanIndexForward": False,
            "Limit": limit,
        }
        if wanted:
            page["FilterExpression"] = " AND ".join(f"#{name} = :{name}" for name in wanted)
        if after:
            page["ExclusiveStartKey"] = to_item(_key(tenant, after))
        return page

    def _put(self, row: Row) -> dict[str, Any]:
        condition = {"ConditionExpression": "attribute_not_exists(pk)"}
        return {"Put": {"TableName": self.table, "Item": to_item(row), **condition}}

    def _changed(self) -> dict[str, Any]:
        now = int(self.now())
        return {"updated_at": now, "expires_at": now + self.days * _DAY}


def entry_of(tenant: str, row: Row) -> Entry:
    """Where a mail stands among its sender's."""
    return Entry(tenant, row["address"], "emails", row["sk"], int(row["received_at"]))


def _key(tenant: str, email_id: str) -> dict[str, str]:
    return {"pk": f"email#{tenant}", "sk": email_id}
