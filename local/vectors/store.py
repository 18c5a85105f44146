"""The index: namespaces in memory, backed by the database.

Lock discipline, the whole of it:
1. A write holds `_writing` from its first look at the data to its end, so writes run one after the other.
2. It commits to the database first, then changes memory under `_gate.writing()`, then is acknowledged. A crash in
   between leaves a write that is durable and was not acknowledged, never the reverse.
3. A read holds `_gate.reading()` for all of its work, so it sees each write as a whole or not at all, and copies
   what can change (dense rows); records are immutable. Writers read memory without the gate: only they change it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil
from pathlib import Path
from threading import Lock
from typing import Any, Literal, TypeAlias

from local.vectors.database import Database, Shape
from local.vectors.errors import AlreadyExistsError, DataFolderError, InvalidArgumentError, NotFoundError
from local.vectors.filters import Filter
from local.vectors.limits import merged
from local.vectors.lock import ReadWriteLock
from local.vectors.namespace import Namespace, Query
from local.vectors.records import Floats, Match, Metadata, Page, Record, Sparse
from local.vectors.rows import Rows

Metric: TypeAlias = Literal["cosine", "dotproduct"]

DEFAULT_NAMESPACE = "__default__"  # the one that a request without a namespace means; it always exists
BYTES_PER_READ_UNIT = 1e9


class Store:
    def __init__(self, folder: Path, metric: Metric | None = None) -> None:
        """Opens or creates the index of a folder; `metric` None takes the stored one, cosine in a new index.
        Raises DataFolderError."""
        self._database = Database(folder)
        self.metric = self._settle_metric(folder, metric)
        self._shape = self._database.shape()
        self._writing = Lock()
        self._gate = ReadWriteLock()
        self._schemas = self._database.namespaces()
        self._namespaces = {name: self._loaded(name) for name in self._schemas}

    def close(self) -> None:
        with self._writing:
            self._database.close()

    # -- records

    def upsert(self, namespace: str, records: Sequence[Record]) -> None:
        """Adds or replaces records; of two with the same id the later one counts. Raises InvalidArgumentError."""
        with self._writing:
            shape = self._shape or Shape(None if records[0].values is None else len(records[0].values))
            for record in records:
                _check_record(record, shape)
            self._save(namespace, list({record.id: record for record in records}.values()), shape)

    def update(
        self, namespace: str, record_id: str, values: Floats | None, sparse: Sparse | None, metadata: Metadata
    ) -> None:
        """Changes the given parts of a record. As in the service, an unknown id is no error."""
        with self._writing:
            former = self._existing(namespace).get(record_id)
            if former is None or self._shape is None:
                return
            values = former.values if values is None else values
            record = Record(record_id, values, sparse or former.sparse, merged(former.metadata, metadata))
            _check_record(record, self._shape)
            self._save(namespace, [record], self._shape)

    def update_matching(self, namespace: str, wanted: Filter, metadata: Metadata, *, dry_run: bool) -> int:
        """Sets metadata on all records that match; returns their number."""
        with self._writing:
            space = self._existing(namespace)
            ids = space.ids(wanted)
            if ids and self._shape is not None and not dry_run:
                former = [record for record_id in ids if (record := space.get(record_id)) is not None]
                changed = [replace(record, metadata=merged(record.metadata, metadata)) for record in former]
                self._save(namespace, changed, self._shape)
            return len(ids)

    def delete(self, namespace: str, ids: Sequence[str]) -> None:
        with self._writing:
            self._remove(namespace, [record_id for record_id in ids if record_id in self._existing(namespace)])

    def delete_matching(self, namespace: str, wanted: Filter) -> None:
        with self._writing:
            self._remove(namespace, self._existing(namespace).ids(wanted))

    def delete_all(self, namespace: str) -> None:
        with self._writing:
            self._existing(namespace)
            if namespace in self._namespaces:
                self._database.clear(namespace)
                with self._gate.writing():
                    self._namespaces[namespace] = self._empty()

    def fetch(self, namespace: str, ids: Sequence[str]) -> list[Record]:
        with self._gate.reading():
            space = self._space(namespace)
            return [record for record_id in ids if (record := space.get(record_id)) is not None]

    def fetch_matching(self, namespace: str, wanted: Filter, after: str | None, limit: int) -> Page:
        with self._gate.reading():
            return self._space(namespace).page_of_records(wanted, after, limit)

    def list_ids(self, namespace: str, prefix: str, after: str | None, limit: int) -> tuple[list[str], bool]:
        with self._gate.reading():
            return self._space(namespace).page_of_ids(prefix, after, limit)

    def search(self, namespace: str, query: Query) -> list[Match]:
        """The best matches, none in an unknown namespace. Raises InvalidArgumentError for a wrong dimension."""
        with self._gate.reading():
            if self._shape is not None and query.dense is not None:
                _check_dimension(query.dense, self._shape)
            return self._space(namespace).search(query)

    def search_like(self, namespace: str, record_id: str, query: Query) -> list[Match]:
        """The best matches for a stored record: by its dense vector, in a sparse index by its sparse one."""
        with self._gate.reading():
            record = self._space(namespace).get(record_id)
            if record is None:
                return []
            sparse = record.sparse if record.values is None else None
            return self._space(namespace).search(replace(query, dense=record.values, sparse=sparse))

    # -- the index and its namespaces

    def shape(self) -> Shape | None:
        return self._shape

    def counts(self, wanted: Filter | None = None) -> dict[str, int]:
        """The number of records in each namespace, or of those that match."""
        with self._gate.reading():
            return {name: space.count(wanted) for name, space in self._namespaces.items()}

    def describe(self, namespace: str) -> tuple[int, dict[str, Any]]:
        """The number of records and the metadata schema. Raises NotFoundError."""
        with self._gate.reading():
            return len(self._existing(namespace)), self._schemas.get(namespace, {})

    def create(self, namespace: str, schema: dict[str, Any]) -> None:
        with self._writing:
            if namespace in self._namespaces:
                raise AlreadyExistsError(f"Namespace '{namespace}' already exists")
            self._database.create(namespace, schema)
            with self._gate.writing():
                self._schemas[namespace] = schema
                self._namespaces[namespace] = self._empty()

    def drop(self, namespace: str) -> None:
        with self._writing:
            self._existing(namespace)
            if namespace in self._namespaces:
                self._database.drop(namespace)
                with self._gate.writing():
                    del self._schemas[namespace], self._namespaces[namespace]

    def read_units(self, namespace: str) -> int:
        """Pinecone bills a query by the size of its namespace, with a minimum."""
        dimension = self._shape.dimension if self._shape else None
        with self._gate.reading():
            return max(1, ceil(len(self._space(namespace)) * (dimension or 0) * 4 / BYTES_PER_READ_UNIT))

    # -- inside the locks

    def _save(self, namespace: str, records: list[Record], shape: Shape) -> None:
        self._database.save(namespace, records, shape)
        with self._gate.writing():
            self._shape = shape
            self._schemas.setdefault(namespace, {})
            self._namespaces[namespace] = self._space(namespace)
            self._namespaces[namespace].put(records)

    def _remove(self, namespace: str, ids: Sequence[str]) -> None:
        if ids:
            self._database.remove(namespace, ids)
            with self._gate.writing():
                self._namespaces[namespace].discard(ids)

    def _space(self, namespace: str) -> Namespace:
        """The namespace, or a new one in the place of a missing or empty one: that may be older than the shape."""
        space = self._namespaces.get(namespace)
        return space if space is not None and len(space) else self._empty()

    def _existing(self, namespace: str) -> Namespace:
        if namespace not in self._namespaces and namespace != DEFAULT_NAMESPACE:
            raise NotFoundError("Namespace not found")
        return self._space(namespace)

    def _empty(self) -> Namespace:
        dimension = self._shape.dimension if self._shape else None
        return Namespace(None if dimension is None else Rows(dimension, cosine=self.metric == "cosine"))

    def _loaded(self, name: str) -> Namespace:
        space = self._empty()
        space.put(self._database.records(name))
        return space

    def _settle_metric(self, folder: Path, asked: Metric | None) -> Metric:
        stored = self._database.setting("metric")
        if stored is None:
            self._database.set("metric", asked or "cosine")
            return asked or "cosine"
        if asked not in (None, stored):
            self._database.close()
            raise DataFolderError(f"The data folder {folder} holds an index with the metric {stored}, not {asked}.")
        return "dotproduct" if stored == "dotproduct" else "cosine"


def _check_record(record: Record, shape: Shape) -> None:
    _check_dimension(record.values, shape)
    if record.values is None and record.sparse is None:
        raise InvalidArgumentError(f"Vector '{record.id}' must have values or sparse values")


def _check_dimension(values: Floats | None, shape: Shape) -> None:
    if shape.dimension is None and values is not None:
        raise InvalidArgumentError("Index is sparse: dense values are not supported")
    length = 0 if values is None else len(values)
    if shape.dimension is not None and length != shape.dimension:
        raise InvalidArgumentError(
            f"Vector dimension {length} does not match the dimension of the index {shape.dimension}"
        )
