"""The vector store, spoken to through the pinecone client: one namespace per tenant.

Writing and deleting are idempotent, so the client's own retries are harmless here; nothing on this page is billed
by the call.
"""

import sys
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from quadrille.errors import ProviderRefused, RetryLater
from quadrille.sparse import Sparse

if TYPE_CHECKING:
    from pinecone.index import Index


_IDS_A_DELETE = 1_000
_TOO_SHORT = 1e-9  # of a vector beside others of length 1


@dataclass(frozen=True, slots=True)
class Record:
    """A chunk as the store keeps it."""

    id: str
    values: Sequence[float]
    metadata: Mapping[str, Any]
    sparse: Sparse | None = None

    def to_vector(self) -> dict[str, Any]:
        """The same for the client. The store takes no empty sparse vector."""
        vector = {"id": self.id, "values": list(self.values), "metadata": dict(self.metadata)}
        return vector | ({"sparse_values": asdict(self.sparse)} if self.sparse and self.sparse.indices else {})


@dataclass(frozen=True, slots=True)
class Match:
    """A stored chunk and how close it is to the query: the cosine, or of sparse vectors the dot product."""

    id: str
    score: float
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Vectors:
    """Vectors of every tenant. Each method raises `RetryLater` and `ProviderRefused`."""

    index: "Index"

    def upsert(self, tenant: str, records: Sequence[Record]) -> None:
        """Add or replace records in one request (1,000 records or 2 MB at most)."""
        with _translated():
            self.index.upsert(vectors=[record.to_vector() for record in records], namespace=tenant)

    def query(self, tenant: str, vector: Sequence[float], *, top_k: int, where: Mapping[str, Any]) -> list[Match]:
        """The `top_k` nearest records that satisfy the filter `where`, nearest first."""
        with _translated():
            answer = self.index.query(
                namespace=tenant, vector=list(vector), top_k=top_k, filter=where, include_metadata=True
            )
        return [Match(match.id, match.score, match.metadata or {}) for match in answer.matches]

    def query_sparse(
        self, tenant: str, vector: Sparse, *, dimensions: int, top_k: int, where: Mapping[str, Any]
    ) -> list[Match]:
        """The same by the sparse vectors alone. The index must be made for the metric dotproduct.

        An index of dense vectors answers no query without one, nor one of zeros: a vector too short to tell goes along.
        """
        if not vector.indices:
            return []
        with _translated():
            answer = self.index.query(
                namespace=tenant,
                vector=[_TOO_SHORT, *[0.0] * (dimensions - 1)],
                sparse_vector=asdict(vector),
                top_k=top_k,
                filter=where,
                include_metadata=True,
            )
        found = (match for match in answer.matches if match.score > 2 * _TOO_SHORT)  # shares a term
        return [Match(match.id, match.score, match.metadata or {}) for match in found]

    def ids(self, tenant: str, *, prefix: str) -> list[str]:
        """The ids that begin with `prefix`."""
        from pinecone.errors.exceptions import NotFoundError

        with _translated():
            try:
                pages = list(self.index.list(prefix=prefix, namespace=tenant))
            except NotFoundError:
                return []
        return [str(vector.id) for page in pages for vector in page.vectors]

    def delete_ids(self, tenant: str, ids: Sequence[str]) -> None:
        """Delete records by id; one that is not there is no error."""
        for start in range(0, len(ids), _IDS_A_DELETE):
            with _translated():
                self.index.delete(namespace=tenant, ids=list(ids[start : start + _IDS_A_DELETE]))

    def delete(self, tenant: str, *, where: Mapping[str, Any]) -> None:
        """Delete the records that satisfy the filter `where`; none is not an error."""
        from pinecone.errors.exceptions import NotFoundError

        with _translated():
            try:
                self.index.delete(namespace=tenant, filter=where)
            except NotFoundError:  # the namespace has never been written to
                return


def questions(tenant: str) -> str:
    """Where the vectors of a tenant's questions are: a namespace that can be no tenant's."""
    return f"{tenant}.questions"


def memories(tenant: str) -> str:
    """Where what a tenant's agents have noted is: a namespace that can be no tenant's."""
    return f"{tenant}.memories"


def floats(packed: bytes) -> list[float]:
    """Numbers out of packed little-endian float32."""
    numbers = array("f", packed)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tolist()


@contextmanager
def _translated() -> Iterator[None]:
    """Pinecone's errors as ours: what another try may cure, and what it may not."""
    from pinecone.errors import exceptions as pinecone

    try:
        yield
    except (
        pinecone.RateLimitError,
        pinecone.ServiceError,
        pinecone.PineconeTimeoutError,
        pinecone.PineconeConnectionError,
    ) as error:
        raise RetryLater("The vector store is throttling or down.") from error
    except pinecone.PineconeError as error:
        raise ProviderRefused(f"The vector store refused the request: {error}") from error
