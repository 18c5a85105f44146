"""The exact cache: the same question of the same collection, put the same way, is answered without a model.

What was answered holds until the collection changes: until a document of it becomes searchable, gets a new version or
is deleted.
"""

import hashlib
import json
import unicodedata
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from quadrille.answers import Answers
from quadrille.ask.models import Answer
from quadrille.calls import Payer
from quadrille.ledger import Ledger
from quadrille.purposes import ANSWER
from quadrille.receipts import Receipt
from quadrille.rows import Row

logger = Logger()

_TRAILING = " .?!\u2026\u3002\uff1f\uff01\u061f"  # what a question may end with and mean the same


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, the document versions it was made of, and what it cost."""

    answer: Answer
    sources: tuple[str, ...] = field(repr=False)
    spent: Receipt
    cached: Literal["exact"] | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """Where the answer to a question belongs, and the epoch of its collection when it was looked for."""

    tenant: str
    collection: str
    digest: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Cache:
    """Answers that are kept. One of more than `limit` bytes is not."""

    answers: Answers
    ledger: Ledger
    limit: int

    def find(
        self, question: str, payer: Payer, *, collection: str, scope: str, model: str
    ) -> tuple[Slot, Answered | None]:
        """A question's slot, and its answer if that is known. `scope` is what else an answer depends on.

        What the answer saves is booked under the chat `model`. Raises `RetryLater`.
        """
        digest = digest_of(scope, normalised(question))
        epoch, row = self.answers.get(payer.tenant, collection, digest)
        slot = Slot(payer.tenant, collection, digest, epoch)
        return slot, self._answered(row, payer, model) if row else None

    def keep(self, slot: Slot, made: Answered) -> None:
        """Keep what was found out after `find`. What cannot be kept is logged and let go: it is in the ledger."""
        body = made.answer.model_dump_json()
        if len(body.encode()) > self.limit:
            return
        values = {"answer": body, "sources": list(made.sources), "worth": _worth(made.spent)}
        try:
            self.answers.put(slot.tenant, slot.collection, slot.digest, slot.epoch, values)
        except (ClientError, BotoCoreError) as error:
            logger.warning("answer_not_cached", reason=str(error))

    def _answered(self, row: Row, payer: Payer, model: str) -> Answered:
        saved = self.ledger.save(row["worth"], payer, purpose=ANSWER, model=model)
        return Answered(Answer.model_validate_json(row["answer"]), tuple(row["sources"]), saved, "exact")


def normalised(question: str) -> str:
    """A question without what makes no difference: case, forms of the same letter, blanks, the sign at its end."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", question).casefold())
    words = " ".join(folded.split())
    return words.rstrip(_TRAILING) or words


def digest_of(*parts: object) -> str:
    """A digest of what can be written as JSON."""
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def _worth(spent: Receipt) -> Decimal:
    """What the same answer would have cost without anything that was known before."""
    return spent.cost_usd - spent.written_off_usd + spent.saved_usd
