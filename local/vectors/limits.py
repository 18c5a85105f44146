"""The limits that Pinecone publishes, and the checks that more than one operation makes.
Reference: https://docs.pinecone.io/reference/api/database-limits"""

from __future__ import annotations

import orjson

from local.vectors.errors import InvalidArgumentError, TooLargeError
from local.vectors.records import Metadata, Record

UPSERT_RECORDS = 1_000
UPSERT_BYTES = 2 * 1024 * 1024
METADATA_BYTES = 40 * 1024
NAME_CHARACTERS = 512  # of an id, an id prefix or a namespace
SPARSE_TERMS = 2_048
DIMENSIONS = 20_000
QUERY_TOP_K = 10_000
FETCH_IDS = 1_000
DELETE_IDS = 1_000
LIST_PAGE = 100
METADATA_PAGE = 10_000
EMBED_INPUTS = 96
RERANK_DOCUMENTS = 100


def check_upsert(records: list[Record]) -> None:
    """Raises TooLargeError. As in the service the size is that of the decoded records, where a float takes 4 bytes:
    245 records of 1,536 dimensions with 2,000 bytes of metadata fit."""
    size = sum(_size(record) for record in records)
    if size > UPSERT_BYTES:
        raise TooLargeError(f"Request size {size:,} bytes exceeds the maximum supported size of {UPSERT_BYTES:,} bytes")


def _size(record: Record) -> int:
    dense = 0 if record.values is None else record.values.nbytes
    sparse = 0 if record.sparse is None else record.sparse.indices.nbytes + record.sparse.values.nbytes
    return len(record.id) + dense + sparse + metadata_size(record.metadata)


def metadata_size(metadata: Metadata) -> int:
    """Bytes of the metadata as JSON. Raises InvalidArgumentError above the limit."""
    size = len(orjson.dumps(metadata))
    if size > METADATA_BYTES:
        raise InvalidArgumentError(
            f"Metadata size is {size} bytes, which exceeds the limit of {METADATA_BYTES} bytes per vector"
        )
    return size


def merged(former: Metadata, changes: Metadata) -> Metadata:
    """Metadata with some fields set. Raises InvalidArgumentError if it outgrows the limit."""
    metadata = former | changes
    metadata_size(metadata)
    return metadata
