"""Sources of webhooks: who may send deliveries, of what kind, for which tenant. Each has a secret that signs them.

Its row lies in the keys table and has no secret; that is a SecureString in SSM's parameter store. So whoever reads the
table can sign nothing.
"""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from quadrille.errors import Invalid, NotFound
from quadrille.keys import TENANT
from quadrille.rows import Row, from_item, get, to_item

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_ssm.client import SSMClient

KINDS = ("tickets", "zendesk", "freshdesk")  # each with an adapter in react/adapters.py
_ID = re.compile(r"src_[0-9a-f]{16}")
_SECRET_CHARACTERS = (16, 1_024)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a delivery comes from, and whose it is."""

    id: str
    kind: str
    tenant: str


@dataclass(frozen=True, slots=True)
class Sources:
    """Sources, and their secrets under a prefix of the parameter store; `read` gives one, None if it is gone."""

    table: str
    dynamodb: "DynamoDBClient"
    prefix: str
    ssm: "SSMClient"
    read: Callable[[str], str | None]

    def create(self, tenant: str, kind: str, secret: str = "") -> Row:
        """A new source, with the secret that is given, or a new one; it is in the answer. Raises `Invalid`."""
        if not TENANT.fullmatch(tenant):
            raise Invalid("tenant", "must be 1 to 63 lower-case letters, digits and inner hyphens")
        if kind not in KINDS:
            raise Invalid("kind", f"must be one of {', '.join(KINDS)}; no other is read here yet")
        least, most = _SECRET_CHARACTERS
        if secret and not (least <= len(secret) <= most and secret.isascii() and secret.isprintable()):
            raise Invalid("secret", f"must be {least} to {most} printable ASCII characters")
        secret = secret or secrets.token_urlsafe(32)
        row = {"key_id": f"src_{secrets.token_hex(8)}", "tenant": tenant, "kind": kind, "created_at": _now()}
        self.ssm.put_parameter(Name=self._name(row["key_id"]), Value=secret, Type="SecureString")
        self.dynamodb.put_item(
            TableName=self.table, Item=to_item(row), ConditionExpression="attribute_not_exists(key_id)"
        )
        return {**_shown(row), "secret": secret}

    def find(self, source_id: str) -> Source | None:
        """The source of this id. One that was revoked is unknown from then on."""
        row = get(self.dynamodb, self.table, {"key_id": source_id}) if _ID.fullmatch(source_id) else None
        return Source(source_id, row["kind"], row["tenant"]) if row else None

    def secret(self, source: Source) -> str | None:
        """What signs a source's deliveries. Raises `Busy`."""
        return self.read(self._name(source.id))

    def list(self, tenant: str) -> list[Row]:
        """A tenant's sources, without their secrets."""
        pages = self.dynamodb.get_paginator("query").paginate(
            TableName=self.table,
            IndexName="tenant",
            KeyConditionExpression="tenant = :tenant",
            FilterExpression="attribute_exists(kind)",
            ExpressionAttributeValues=to_item({":tenant": tenant}),
        )
        return [_shown(from_item(item)) for page in pages for item in page["Items"]]

    def revoke(self, source_id: str) -> None:
        """Forget a source and its secret. Raises `NotFound`."""
        try:
            self.dynamodb.delete_item(
                TableName=self.table,
                Key=to_item({"key_id": source_id}),
                ConditionExpression="attribute_exists(kind)",
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            raise NotFound(f"There is no source {source_id!r}.") from None
        self.ssm.delete_parameters(Names=[self._name(source_id)])

    def _name(self, source_id: str) -> str:
        return f"{self.prefix}/{source_id}"


def _shown(row: Row) -> dict[str, Any]:
    return {"source_id": row["key_id"], **{name: row[name] for name in ("tenant", "kind", "created_at")}}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
