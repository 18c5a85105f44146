"""The caches: a question that was answered before, put the same way or a similar one, is answered without a chat model.

What was answered holds until the collection changes: until a document of it becomes searchable, gets a new version or
is deleted.
"""

import hashlib
import json
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from quadrille.answers import Answers
from quadrille.ask.models import Answer
from quadrille.calls import Payer
from quadrille.errors import ProviderRefused, RetryLater
from quadrille.ledger import Ledger
from quadrille.llm import Embeddings
from quadrille.purposes import ANSWER
from quadrille.receipts import Receipt, added_to
from quadrille.rows import Row
from quadrille.vectors import Record, Vectors, floats, questions

logger = Logger()

_TRAILING = " .?!\u2026\u3002\uff1f\uff01\u061f"  # what a question may end with and mean the same
_AROUND = "\"'`,;:.?!()[]{}\u201c\u201d\u2018\u2019\u00ab\u00bb"


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, the document versions it was made of, and what it cost; `whole` is as with `Retrieved`.

    `confidence` is that of `citations.confidence`; of an answer out of the cache nobody asks.
    """

    answer: Answer
    sources: tuple[str, ...] = field(repr=False)
    spent: Receipt
    cached: Literal["exact", "semantic"] | None = None
    whole: bool = True
    confidence: float = 0.0


@dataclass(frozen=True, slots=True)
class Slot:
    """Where the answer to a question belongs, and the epoch of its collection when it was looked for.

    `alike` is a digest of all that similar questions must have in common.
    """

    tenant: str
    collection: str
    digest: str
    alike: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Cache:
    """Answers that are kept, unless they have more than `limit` bytes, and the vectors of questions.

    Questions are similar if their cosine is at least `least`. What an answer saves is booked under the chat `model`.
    """

    answers: Answers
    vectors: Vectors
    ledger: Ledger
    model: str
    limit: int
    least: float

    def find(self, question: str, payer: Payer, *, collection: str, scope: str) -> tuple[Slot, Answered | None]:
        """A question's slot, and its answer if that is known. `scope` is what else an answer depends on.

        Raises `RetryLater`.
        """
        digest = digest_of(scope, normalised(question))
        epoch, row = self.answers.get(payer.tenant, collection, digest)
        slot = Slot(payer.tenant, collection, digest, digest_of(collection, scope, figures(question)), epoch)
        return slot, self._answered(row, payer, "exact", Receipt()) if row else None

    def find_similar(self, slot: Slot, embedded: Embeddings, payer: Payer) -> Answered | None:
        """The answer to the most similar question of the same scope, if it is similar enough and still holds.

        Raises `RetryLater` and `ProviderRefused`.
        """
        where = {
            "alike": {"$eq": slot.alike},
            "epoch": {"$eq": slot.epoch},
            "expires_at": {"$gt": int(self.answers.now())},
        }
        with added_to(embedded.receipt):
            matches = self.vectors.query(questions(slot.tenant), floats(embedded.packed), top_k=1, where=where)
            if not matches or matches[0].score < self.least:
                return None
            _, row = self.answers.get(slot.tenant, slot.collection, matches[0].metadata["digest"])
            return self._answered(row, payer, "semantic", embedded.receipt) if row else None

    def keep(self, slot: Slot, made: Answered, embedded: Embeddings | None) -> None:
        """Keep what was found out after `find`, and for similar questions the vector of this one, if it is given.

        What cannot be kept is logged and let go: it is in the ledger.
        """
        body = made.answer.model_dump_json()
        if len(body.encode()) > self.limit:
            return
        values = {"answer": body, "sources": list(made.sources), "worth": _worth(made.spent)}
        with _let_go():
            self.answers.put(slot.tenant, slot.collection, slot.digest, slot.epoch, values)
            if embedded:
                self._keep_vector(slot, embedded)

    def _keep_vector(self, slot: Slot, embedded: Embeddings) -> None:
        """Keep a question's vector. One in sixteen sweeps out what no question can meet any more."""
        now = int(self.answers.now())
        about = {
            "alike": slot.alike,
            "collection": slot.collection,
            "digest": slot.digest,
            "epoch": slot.epoch,
            "expires_at": now + self.answers.seconds,
        }
        record = Record(f"{slot.collection}#{slot.digest}", floats(embedded.packed), about)
        self.vectors.upsert(questions(slot.tenant), [record])
        if slot.digest.startswith("0"):
            outdated = {"collection": {"$eq": slot.collection}, "epoch": {"$lt": slot.epoch}}
            self.vectors.delete(questions(slot.tenant), where={"$or": [outdated, {"expires_at": {"$lt": now}}]})

    def _answered(self, row: Row, payer: Payer, cached: Literal["exact", "semantic"], spent: Receipt) -> Answered:
        """A known answer, with what was spent on finding it and what that saves."""
        saves = max(Decimal(0), row["worth"] - _worth(spent))
        saved = self.ledger.save(saves, payer, purpose=ANSWER, model=self.model)
        return Answered(Answer.model_validate_json(row["answer"]), tuple(row["sources"]), spent + saved, cached)


def normalised(question: str) -> str:
    """A question without what makes no difference: case, forms of the same letter, blanks, the sign at its end."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", question).casefold())
    words = " ".join(folded.split())
    return words.rstrip(_TRAILING) or words


def figures(question: str) -> str:
    """The words of a question that have a digit in them: questions that differ in one never mean the same."""
    words = normalised(question).split()
    return " ".join(sorted({word.strip(_AROUND) for word in words if any(map(str.isdigit, word))}))


def digest_of(*parts: object) -> str:
    """A digest of what can be written as JSON."""
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def _worth(spent: Receipt) -> Decimal:
    """What the same would have cost without anything that was known before."""
    return spent.cost_usd - spent.written_off_usd + spent.saved_usd


@contextmanager
def _let_go() -> Iterator[None]:
    try:
        yield
    except (ClientError, BotoCoreError, RetryLater, ProviderRefused) as error:
        logger.warning("answer_not_cached", reason=str(error))
