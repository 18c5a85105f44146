"""API keys: made once, shown once, kept only as a hash. A key decides the tenant and the scopes of its caller."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from quadrille.errors import Forbidden, Invalid, NotFound
from quadrille.rows import Row, from_item, get, to_item

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

SCOPES = ("ask", "ingest", "act", "react", "admin")
TENANT = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_KEY = re.compile(r"qk_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls: a tenant, through one of its keys, with that key's scopes."""

    tenant: str
    key_id: str
    scopes: frozenset[str]

    def require(self, scope: str) -> None:
        """Raises `Forbidden` if the key lacks the scope."""
        if scope not in self.scopes:
            raise Forbidden(f"This key lacks the scope {scope!r}.")


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys table: one row per key, found by the id that is part of the key, listed by tenant through its index."""

    table: str
    dynamodb: "DynamoDBClient"

    def create(self, tenant: str, scopes: list[str]) -> Row:
        """A new key. The secret is in the answer and nowhere else. Raises `Invalid`."""
        if not TENANT.fullmatch(tenant):
            raise Invalid("tenant", "must be 1 to 63 lower-case letters, digits and inner hyphens")
        unknown = sorted(set(scopes) - set(SCOPES))
        if unknown or not scopes:
            raise Invalid(
                "scopes", f"must be some of {', '.join(SCOPES)}" + (f", not {unknown[0]!r}" if unknown else "")
            )
        key_id = secrets.token_hex(8)
        key = f"qk_{key_id}_{secrets.token_urlsafe(32)}"
        row = {"key_id": key_id, "tenant": tenant, "scopes": sorted(set(scopes)), "created_at": _now()}
        self.dynamodb.put_item(
            TableName=self.table,
            Item=to_item({**row, "digest": _digest(key)}),
            ConditionExpression="attribute_not_exists(key_id)",
        )
        return {**row, "key": key}

    def principal(self, key: str) -> Principal | None:
        """Whose key this is, or None if it is malformed, unknown or revoked."""
        match = _KEY.fullmatch(key)
        if not match:
            return None
        row = get(self.dynamodb, self.table, {"key_id": match[1]}, consistent=False)
        return _principal(row) if row and hmac.compare_digest(row["digest"], _digest(key)) else None

    def holder(self, key_id: str) -> Principal:
        """Whose key this id is of, for a caller who has shown the key before. Raises `Forbidden` if it was revoked."""
        row = get(self.dynamodb, self.table, {"key_id": key_id}, consistent=False)
        if row is None:
            raise Forbidden("This key was revoked.")
        return _principal(row)

    def list(self, tenant: str) -> list[Row]:
        """A tenant's keys, without their digests."""
        pages = self.dynamodb.get_paginator("query").paginate(
            TableName=self.table,
            IndexName="tenant",
            KeyConditionExpression="tenant = :tenant",
            FilterExpression="attribute_exists(digest)",  # sources lie here, too
            ExpressionAttributeValues=to_item({":tenant": tenant}),
        )
        rows: list[dict[str, Any]] = [from_item(item) for page in pages for item in page["Items"]]
        return [{name: value for name, value in row.items() if name != "digest"} for row in rows]

    def revoke(self, key_id: str) -> None:
        """Forget a key. The authorizer's cache may honour it for another minute. Raises `NotFound`."""
        try:
            self.dynamodb.delete_item(
                TableName=self.table, Key=to_item({"key_id": key_id}), ConditionExpression="attribute_exists(digest)"
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            raise NotFound(f"There is no key {key_id!r}.") from None


def _principal(row: Row) -> Principal:
    return Principal(row["tenant"], row["key_id"], frozenset(row["scopes"]))


def _digest(key: str) -> str:
    """A key is 256 random bits, so a plain hash cannot be reversed; a slow one would only slow the authorizer."""
    return hashlib.sha256(key.encode()).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
