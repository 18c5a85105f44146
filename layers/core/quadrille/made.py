"""What paid calls made out of a document, and how it goes with the document.

Each claim leaves a row for every document version it draws on, in the same transaction and so before there is a
result: nothing is made of a document that the document does not lead to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from quadrille.claims import Claims, blobs_of, made_key
from quadrille.errors import Busy
from quadrille.messages import DocumentVersion
from quadrille.rows import Row, delete_all, from_item, to_item

_A_TURN = 2_000  # results that one message erases; the next one goes on


@dataclass(frozen=True, slots=True)
class Result:
    """The result a claim had, or was to have: the call's key, the claim's fence, and the row that led to it."""

    key: str
    fence: str
    room: str
    row: Mapping[str, str]

    @classmethod
    def of(cls, row: Row) -> "Result":
        """What a row of `Claims` leads to."""
        _, key, fence = row["sk"].split("/")
        return cls(key, fence, row["room"], {"pk": row["pk"], "sk": row["sk"]})


@dataclass(frozen=True, slots=True)
class Made:
    """Results by the document they were made of."""

    claims: Claims

    def before(self, version: DocumentVersion) -> list[Result]:
        """What was made of the versions of a document before this one."""
        first = made_key(version.tenant, version.budget, "")
        pages = self.claims.dynamodb.get_paginator("query").paginate(
            TableName=self.claims.table,
            KeyConditionExpression="pk = :pk AND sk < :sk",
            ExpressionAttributeValues=to_item({f":{name}": value for name, value in first.items()}),
            ConsistentRead=True,
        )
        return [Result.of(from_item(item)) for page in pages for item in page["Items"]]

    def erase(self, tenant: str, results: Sequence[Result]) -> None:
        """Delete results: the claim, so that nobody finds it paid, then its blob, then the row that led here.

        A call that is under way is left to end. Raises `Busy` until all are gone, and `RetryLater`.
        """
        now = results[:_A_TURN]
        ended = [result for result in now if self._delete_claim(result)]
        self.claims.blobs.delete(
            [blob for result in ended for blob in blobs_of(tenant, f"{result.key}/{result.fence}")]
        )
        delete_all(self.claims.dynamodb, self.claims.table, [result.row for result in ended])
        if len(ended) < len(now):
            raise Busy("A paid call that draws on the document is under way.", seconds=5)
        if len(now) < len(results):
            raise Busy("More was made of the document than one message erases.", seconds=1)

    def _delete_claim(self, result: Result) -> bool:
        """Delete a claim that has ended, and end it first if its worker is dead; false while that is at work."""
        open_row = self.claims.delete(result.key, result.fence)
        if open_row and self.claims.is_over(open_row) and self.claims.take_over(open_row):
            open_row = self.claims.delete(result.key, result.fence)
        return open_row is None
