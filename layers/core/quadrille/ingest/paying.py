"""What the stages that pay share: who pays, and a call paid in vain too often is sent anew once somebody retries."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from quadrille.calls import Payer
from quadrille.config import settings
from quadrille.errors import ResultLost, Unanswered
from quadrille.messages import DocumentVersion
from quadrille.rows import Row

T = TypeVar("T")


def payer_of(version: DocumentVersion, row: Row, part: str, *, deadline: float, ends_at: float) -> Payer:
    """Who pays for a part of a version's work; what came with a mail falls under the budget `inbound`, too."""
    return Payer(
        tenant=version.tenant,
        subject=f"documents/{version.document_id}/{version.version}/{part}",
        deadline=deadline,
        ends_at=ends_at,
        inbound=row["collection"] == settings().mail_collection,
        document=version.budget,
    )


def paid(call: Callable[[Payer], T], payer: Payer, retries: int) -> T:
    """The result of `call`. What was paid in vain too often, or lost, is another call after each retry of its document.

    The earlier ones are asked first: what one of them paid for is not bought again.
    """
    for number in range(retries):
        with suppress(ResultLost, Unanswered):
            return call(_nth(payer, number))
    return call(_nth(payer, retries))


def _nth(payer: Payer, retry: int) -> Payer:
    return replace(payer, identity=f"retry {retry}") if retry else payer
