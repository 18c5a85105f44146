"""Looking for a word in everything the system keeps: objects, rows and vectors."""

from collections.abc import Iterator
from typing import Any

from quadrille.rows import from_item
from quadrille.vectors import questions


def traces(word: str, tenant: str, *, s3: Any, bucket: str, dynamodb: Any, index: Any) -> list[str]:
    """Where a word still stands: whole objects with key and metadata, all attributes of all rows, all metadata."""
    kept = (*_objects(s3, bucket), *_rows(dynamodb), *_vectors(index, tenant))
    return [name for name, content in kept if word.lower() in f"{name} {content}".lower()]


def _objects(s3: Any, bucket: str) -> Iterator[tuple[str, str]]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for item in page.get("Contents", []):
            answer = s3.get_object(Bucket=bucket, Key=item["Key"])
            yield item["Key"], f"{answer['Metadata']} {answer['Body'].read()!r}"


def _rows(dynamodb: Any) -> Iterator[tuple[str, str]]:
    for table in dynamodb.list_tables()["TableNames"]:
        for page in dynamodb.get_paginator("scan").paginate(TableName=table):
            for item in page["Items"]:
                yield f"{table} {list(item.values())[:2]}", repr(from_item(item))


def _vectors(index: Any, tenant: str) -> Iterator[tuple[str, str]]:
    for namespace in (tenant, questions(tenant)):
        for page in index.list(namespace=namespace):
            for vector in page.vectors:
                yield vector.id, repr(index.fetch(ids=[vector.id], namespace=namespace))
