"""The conversations table: what was asked and answered, and by which documents that is found when one is deleted.

A conversation is one row, bounded in turns and characters. Every document version it draws on has a row that leads to
it, written first: a conversation goes with the first of its documents that is deleted.
"""

import base64
import random
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from quadrille.claims import made_key
from quadrille.errors import Busy, NotFound, RetryLater
from quadrille.messages import DocumentVersion
from quadrille.rows import Row, delete_all, from_item, get, put_all, to_item

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ID = "conv_[a-z2-7]{26}"
MOST_LEADS = 2_000  # that are followed in one go
_MOST_SOURCES = 32  # that a later call names as its own; what leads to the conversation is kept for all
_ANSWER_CHARACTERS = 1_000  # of an answer that are kept: enough to know what a follow-up speaks of
_TRIES = 12
_DAY = 86_400


class Turn(NamedTuple):
    """A question that stands alone, and how its answer begins."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """What was said, oldest first; `summary` stands for the first `folded` turns, which are gone.

    `sources` are the document versions it drew on last. It is revision 0 until it is kept.
    """

    tenant: str
    id: str
    collection: str
    expires_at: int
    summary: str = ""
    turns: tuple[Turn, ...] = ()
    folded: int = 0
    sources: tuple[str, ...] = ()
    revision: int = 0

    def fold(self, summary: str, *, keep: int) -> "Conversation":
        """The same with all but the last turns in its summary."""
        return replace(
            self, summary=summary, turns=self.turns[-keep:], folded=self.folded + max(0, len(self.turns) - keep)
        )

    def add(self, turn: Turn, sources: Iterable[str], *, most: int) -> "Conversation":
        """The same with one more turn, of which there are at most so many."""
        new = tuple(sources)
        old = (source for source in self.sources if source not in new)
        longer = replace(self, turns=(*self.turns, turn), sources=(*old, *new)[-_MOST_SOURCES:])
        return longer.fold(self.summary, keep=most)


@dataclass(frozen=True, slots=True)
class Conversations:
    """Conversations of every tenant, each kept for so many `days` from its beginning."""

    table: str
    dynamodb: "DynamoDBClient"
    days: int
    most_turns: int
    now: Callable[[], float]
    sleep: Callable[[float], None]

    def begin(self, tenant: str, collection: str) -> Conversation:
        """A conversation without turns. It is kept with its first one."""
        id_ = "conv_" + base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()
        return Conversation(tenant, id_, collection, expires_at=int(self.now()) + self.days * _DAY)

    def get(self, tenant: str, id_: str) -> Conversation:
        """A tenant's conversation. Raises `NotFound`, also for one of another tenant or an expired one."""
        found = self._find(tenant, id_)
        if found is None:
            raise NotFound(f'There is no conversation {id_!r}, or no longer. Begin one with "new".')
        return found

    def append(self, conversation: Conversation, turn: Turn, sources: Sequence[str]) -> bool:
        """Add a turn after those that others have added meanwhile; false if the conversation is gone.

        Raises `RetryLater` if others add too many at once.
        """
        short = Turn(turn.question, turn.answer[:_ANSWER_CHARACTERS])
        self._lead_to(conversation, set(sources).difference(conversation.sources))
        for attempt in range(_TRIES):
            if self._put(conversation.add(short, sources, most=self.most_turns)):
                return True
            there = self._find(conversation.tenant, conversation.id)
            if there is None:
                return False
            conversation = _caught_up(there, conversation)
            self.sleep(random.uniform(0, 0.02 * 2 ** min(attempt, 4)))
        raise RetryLater("Many questions are asked in this conversation at the same time.")

    def made_of(self, version: DocumentVersion) -> list[dict[str, str]]:
        """The keys of the rows that lead from the versions of a document before this one to conversations.

        At most `MOST_LEADS` of them.
        """
        first = _lead(version.tenant, version.budget, "")
        pages = self.dynamodb.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="tenant = :tenant AND conversation_id < :conversation_id",
            ExpressionAttributeValues=to_item({f":{name}": value for name, value in first.items()}),
            ConsistentRead=True,
        )
        rows = (from_item(item) for page in pages for item in page["Items"])
        return [{name: row[name] for name in first} for row in islice(rows, MOST_LEADS)]

    def erase(self, tenant: str, leads: Sequence[Mapping[str, str]]) -> None:
        """Delete the conversations these rows lead to, and then the rows.

        Raises `RetryLater`, and `Busy` if there may be more.
        """
        ids = dict.fromkeys(lead["conversation_id"].partition("/")[2] for lead in leads)
        delete_all(self.dynamodb, self.table, [_key(tenant, id_) for id_ in ids])
        delete_all(self.dynamodb, self.table, leads)
        if len(leads) == MOST_LEADS:
            raise Busy("More conversations draw on the document than one message erases.")

    def _find(self, tenant: str, id_: str) -> Conversation | None:
        row = get(self.dynamodb, self.table, _key(tenant, id_))
        return _of(row) if row and row["expires_at"] > self.now() else None

    def _lead_to(self, conversation: Conversation, sources: Iterable[str]) -> None:
        rows = [
            {**_lead(conversation.tenant, source, conversation.id), "expires_at": conversation.expires_at}
            for source in sources
        ]
        put_all(self.dynamodb, self.table, rows)

    def _put(self, conversation: Conversation) -> bool:
        """Put the next revision; false if this one is not what is there."""
        row = {
            **_key(conversation.tenant, conversation.id),
            "collection": conversation.collection,
            "expires_at": conversation.expires_at,
            "summary": conversation.summary,
            "turns": [turn._asdict() for turn in conversation.turns],
            "folded": conversation.folded,
            "sources": list(conversation.sources),
            "revision": conversation.revision + 1,
        }
        unseen = {} if conversation.revision else {"ConditionExpression": "attribute_not_exists(tenant)"}
        seen = {
            "ConditionExpression": "revision = :seen",
            "ExpressionAttributeValues": to_item({":seen": conversation.revision}),
        }
        try:
            self.dynamodb.put_item(TableName=self.table, Item=to_item(row), **(unseen or seen))
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True


def _caught_up(there: Conversation, mine: Conversation) -> Conversation:
    """What is there, with the summary made for mine if it reaches further."""
    ahead = mine.folded - there.folded
    return there.fold(mine.summary, keep=len(there.turns) - ahead) if 0 < ahead < len(there.turns) else there


def _of(row: Row) -> Conversation:
    return Conversation(
        tenant=row["tenant"],
        id=row["conversation_id"],
        collection=row["collection"],
        expires_at=int(row["expires_at"]),
        summary=row["summary"],
        turns=tuple(Turn(**turn) for turn in row["turns"]),
        folded=int(row["folded"]),
        sources=tuple(row["sources"]),
        revision=int(row["revision"]),
    )


def _key(tenant: str, id_: str) -> dict[str, str]:
    return {"tenant": tenant, "conversation_id": id_}


def _lead(tenant: str, source: str, id_: str) -> dict[str, str]:
    """Where it is noted that a conversation draws on a document version: a partition that can be no tenant's."""
    made = made_key(tenant, source, id_)
    return {"tenant": made["pk"], "conversation_id": made["sk"]}
