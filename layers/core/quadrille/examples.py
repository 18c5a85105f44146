"""Replies a human has changed, in the cases table: how this desk wants to be heard.

A desk keeps the last few. Later drafts are shown the nearest: those whose questions share the most telling words, which
no paid call is needed to find.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quadrille.rows import Row, delete_all, from_item, to_item

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

_DAY = 86_400
_SAME_CATEGORY = 0.1  # worth of being about the same, beside a likeness of 0 to 1
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Example:
    """A question, and the reply as a human wrote it."""

    question: str
    reply: str
    category: str


@dataclass(frozen=True, slots=True)
class Examples:
    """Examples by tenant: the last `most`, each cut to so many `characters` and kept for so many `days`."""

    table: str
    dynamodb: "DynamoDBClient"
    most: int
    characters: int
    days: int
    now: Callable[[], float]

    def keep(self, tenant: str, question: str, reply: str, category: str, *, once: str) -> None:
        """Keep a reply. The same `once` again keeps it as it is then; the oldest go."""
        row = {
            "pk": _pk(tenant),
            "sk": once,
            "question": question[: self.characters],
            "reply": reply[: self.characters],
            "category": category,
            "kept_at": int(self.now() * 1_000),
            "expires_at": int(self.now()) + self.days * _DAY,
        }
        self.dynamodb.put_item(TableName=self.table, Item=to_item(row))
        old = sorted(self._rows(tenant), key=lambda row: -row["kept_at"])[self.most :]
        delete_all(self.dynamodb, self.table, [{"pk": row["pk"], "sk": row["sk"]} for row in old])

    def nearest(self, tenant: str, question: str, category: str, *, most: int) -> list[Example]:
        """The examples whose questions are most like this one, best first; none that shares no word with it."""
        examples = [Example(row["question"], row["reply"], row["category"]) for row in self._rows(tenant)]
        return ranked(question, category, examples)[:most]

    def _rows(self, tenant: str) -> list[Row]:
        answer = self.dynamodb.query(
            TableName=self.table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=to_item({":pk": _pk(tenant)}),
            ConsistentRead=True,
        )
        return [from_item(item) for item in answer["Items"]]


def ranked(question: str, category: str, examples: Sequence[Example]) -> list[Example]:
    """Examples by how like a question theirs is, best first, without those that are not."""
    likeness = likenesses(question, [example.question for example in examples])
    scored = [
        (like + _SAME_CATEGORY * (example.category == category), example)
        for like, example in zip(likeness, examples, strict=True)
        if like
    ]
    return [example for _, example in sorted(scored, key=lambda each: -each[0])]


def likenesses(text: str, others: Sequence[str]) -> list[float]:
    """How like a text each of the others is, 0 to 1: the cosine of their words, weighed by how rare they are here."""
    bags = [Counter(_WORD.findall(each.lower())) for each in (text, *others)]
    spread = Counter(word for bag in bags for word in bag)
    vectors = [{word: n * math.log((1 + len(bags)) / spread[word]) for word, n in bag.items()} for bag in bags]
    norms = [math.sqrt(sum(weight**2 for weight in vector.values())) or 1.0 for vector in vectors]
    first = vectors[0]
    return [
        sum(weight * vector.get(word, 0.0) for word, weight in first.items()) / (norms[0] * norm)
        for vector, norm in zip(vectors[1:], norms[1:], strict=True)
    ]


def _pk(tenant: str) -> str:
    return f"example#{tenant}"
