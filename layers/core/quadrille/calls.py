"""A paid request before it is sent, what came back, and what is kept of it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

from quadrille.purposes import Purpose
from quadrille.receipts import Receipt


@dataclass(frozen=True)
class Call:
    """One paid request, not yet sent.

    `request` is the provider's request body. `subject` is what the call is for and whose receipt shows its cost;
    `inbound` is set if a mail or a ticket caused it, not somebody with a key; `document` or `task` if the call also
    falls under the budget of one, and `sources` are the document versions (`<document_id>/<version>`, at most 90) whose
    text it draws on besides. `task_limit` is what the task may cost, if that is less than the tenant's limit; it,
    `ceiling` and `max_cost` are US dollars. `deadline` is when the caller must be done and `ends_at` when its process
    is surely gone, both in seconds since the epoch. `identity` is set where two equal requests must be two calls. A
    result over the inline limit, or any result if `as_blob`, is kept in the bucket.
    """

    tenant: str
    purpose: Purpose
    model: str
    request: Mapping[str, Any]
    subject: str
    ceiling: Decimal
    deadline: float
    ends_at: float
    inbound: bool = False
    document: str = ""
    task: str = ""
    task_limit: Decimal | None = None
    max_cost: Decimal | None = None
    identity: str = ""
    as_blob: bool = False
    sources: tuple[str, ...] = ()

    @property
    def made_of(self) -> list[str]:
        """The document versions that the result dies with."""
        return [*filter(None, dict.fromkeys((self.document, *self.sources)))]

    @cached_property
    def key(self) -> str:
        """A digest of all that makes this call the same call as another."""
        content = [self.tenant, self.purpose.name, self.model, self.identity, self.request]
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Payer:
    """Who a call is for: the tenant it is billed to, the subject whose receipt shows it, and how long it may take.

    `deadline` is when the reply must be there and `ends_at` when this process is surely gone, both in seconds since
    the epoch; `max_cost` is in US dollars. `inbound`, `document` or `task` is set if its budget must hold, too, and
    `task_limit` if the task's is less than the tenant's limit; `sources` are the document versions a call draws on
    besides.
    """

    tenant: str
    subject: str
    deadline: float
    ends_at: float
    inbound: bool = False
    document: str = ""
    task: str = ""
    task_limit: Decimal | None = None
    max_cost: Decimal | None = None
    identity: str = ""
    sources: tuple[str, ...] = ()

    def after(self, spent: Receipt) -> "Payer":
        """The same payer with what is left of the request's own limit."""
        if self.max_cost is None:
            return self
        own = spent.cost_usd - spent.written_off_usd
        return replace(self, max_cost=max(Decimal(0), self.max_cost - own))

    def call(self, request: Mapping[str, Any], *, purpose: Purpose, ceiling: Decimal, as_blob: bool = False) -> Call:
        """A request of a provider, which names its model, as a call of this payer's."""
        return Call(
            tenant=self.tenant,
            purpose=purpose,
            model=request["model"],
            request=request,
            subject=self.subject,
            ceiling=ceiling,
            deadline=self.deadline,
            ends_at=self.ends_at,
            inbound=self.inbound,
            document=self.document,
            task=self.task,
            task_limit=self.task_limit,
            max_cost=self.max_cost,
            identity=self.identity,
            as_blob=as_blob,
            sources=self.sources,
        )


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back from the provider, and the receipt of this one call."""

    result: bytes
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Paid:
    """A paid result. `blob` is its key in the bucket, empty if it is kept in the row."""

    result: bytes
    blob: str
    receipt: Receipt
