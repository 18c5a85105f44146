"""What people see of mails."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

from quadrille.act.models import moment
from quadrille.emails import Status
from quadrille.react.replying import Draft
from quadrille.receipts import Receipt
from quadrille.rows import Row

_MILLISECONDS = 1_000


class AttachedFile(BaseModel):
    """A file that came with a mail: the document it became, or why it became none."""

    filename: str
    document_id: str | None
    error: str | None


class Email(BaseModel):
    """A mail and what came of it. Without a draft, `no_draft` says why there is none; `error` why it makes no progress.

    Nothing of it is sent.
    """

    email_id: str
    status: Status
    from_: str = Field(serialization_alias="from")
    to: str
    subject: str
    received_at: str
    category: str | None
    priority: str | None
    sentiment: str | None
    language: str | None
    draft: Draft | None
    no_draft: str | None
    attachments: list[AttachedFile]
    error: str | None
    receipt: dict[str, Any]
    updated_at: str


class EmailWhole(Email):
    """The same with its text: what is new in it, what it quotes of earlier mails, its signature; `truncated` if cut."""

    text: str
    quoted: str
    signature: str
    truncated: bool


class EmailList(BaseModel):
    """A page of mails, newest first, and the cursor of the next one if there may be more."""

    items: list[Email]
    cursor: str | None


def listed(row: Row) -> Email:
    """A mail of a list, without its text."""
    return Email.model_validate(_fields(row))


def shown(row: Row) -> EmailWhole:
    """A mail with its text."""
    texts = {name: row.get(name, "") for name in ("text", "quoted", "signature")}
    return EmailWhole.model_validate({**_fields(row), **texts, "truncated": row.get("truncated", False)})


def _fields(row: Row) -> Mapping[str, Any]:
    known = {name: row.get(name) for name in ("category", "priority", "sentiment", "language", "no_draft", "error")}
    return {
        **known,
        "email_id": row["sk"],
        "status": row["status"],
        "from_": row["from"],
        "to": row["to"],
        "subject": row["subject"],
        "received_at": moment(row["received_at"], per_second=_MILLISECONDS),
        "draft": json.loads(row["draft"]) if row.get("draft") else None,
        "attachments": row.get("attachments", []),
        "receipt": (Receipt.parse(row["receipt"]) if "receipt" in row else Receipt()).public(),
        "updated_at": moment(row["updated_at"]),
    }
