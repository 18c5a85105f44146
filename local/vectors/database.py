"""The index on disk: SQLite in WAL mode, one table of records per namespace.
A commit survives the death of the process at any moment; only a power cut may take the last ones."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from local.vectors.errors import DataFolderError
from local.vectors.records import Record, Sparse

# The exclusive mode keeps a second server out of the folder. Large pages suit rows of some kilobytes.
SETUP = """
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA page_size = 16384;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS namespaces (number INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, schema TEXT NOT NULL);
"""

RECORDS = """
CREATE TABLE records_{} (id TEXT UNIQUE NOT NULL, dense BLOB, sparse BLOB, metadata BLOB NOT NULL)
"""

SAVE = """
INSERT INTO records_{} VALUES (?, ?, ?, ?) ON CONFLICT (id) DO
UPDATE SET dense = excluded.dense, sparse = excluded.sparse, metadata = excluded.metadata
"""


@dataclass(frozen=True, slots=True)
class Shape:
    """What the first upsert fixed: the dimension of the dense vectors, None in a sparse index."""

    dimension: int | None


class Database:
    """Not safe for several threads at once: the store's writer lock guards it."""

    def __init__(self, folder: Path) -> None:
        """Raises DataFolderError, most often because another server has the folder open."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(folder / "vectors.sqlite3", timeout=1, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise DataFolderError(f"The data folder {folder} cannot be opened: {error}.") from error
        try:
            self._connection.executescript(SETUP)
        except sqlite3.Error as error:
            self._connection.close()
            reason = "is in use by another server" if "locked" in str(error) else "cannot be opened"
            raise DataFolderError(f"The data folder {folder} {reason}: {error}.") from error
        self._numbers: dict[str, int] = dict(self._connection.execute("SELECT name, number FROM namespaces"))

    def close(self) -> None:
        self._connection.close()

    def setting(self, name: str) -> str | None:
        row = self._connection.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def set(self, name: str, value: str) -> None:
        with self._connection:
            self._set(name, value)

    def shape(self) -> Shape | None:
        """None before the first upsert."""
        value = self.setting("dimension")
        return None if value is None else Shape(int(value) or None)

    def namespaces(self) -> dict[str, dict[str, Any]]:
        """Each namespace with its metadata schema, in the order of creation."""
        rows = self._connection.execute("SELECT name, schema FROM namespaces ORDER BY number")
        return {name: orjson.loads(schema) for name, schema in rows}

    def records(self, namespace: str) -> Iterator[Record]:
        table = f"records_{self._numbers[namespace]}"
        for row in self._connection.execute(f"SELECT id, dense, sparse, metadata FROM {table} ORDER BY rowid"):
            yield _from_row(*row)

    def save(self, namespace: str, records: Iterable[Record], shape: Shape) -> None:
        with self._connection:
            self._set("dimension", str(shape.dimension or 0))
            number = self._numbers.get(namespace) or self._create(namespace, {})
            self._connection.executemany(SAVE.format(number), map(_to_row, records))
        self._numbers[namespace] = number

    def remove(self, namespace: str, ids: Iterable[str]) -> None:
        with self._connection:
            statement = f"DELETE FROM records_{self._numbers[namespace]} WHERE id = ?"
            self._connection.executemany(statement, ((record_id,) for record_id in ids))

    def clear(self, namespace: str) -> None:
        with self._connection:
            self._connection.execute(f"DELETE FROM records_{self._numbers[namespace]}")

    def create(self, namespace: str, schema: dict[str, Any]) -> None:
        with self._connection:
            number = self._create(namespace, schema)
        self._numbers[namespace] = number

    def drop(self, namespace: str) -> None:
        with self._connection:
            self._begin()
            self._connection.execute(f"DROP TABLE records_{self._numbers[namespace]}")
            self._connection.execute("DELETE FROM namespaces WHERE name = ?", (namespace,))
        del self._numbers[namespace]

    def _create(self, namespace: str, schema: dict[str, Any]) -> int:
        self._begin()
        insert = "INSERT INTO namespaces (name, schema) VALUES (?, ?) RETURNING number"
        (number,) = self._connection.execute(insert, (namespace, orjson.dumps(schema).decode())).fetchone()
        self._connection.execute(RECORDS.format(number))
        return int(number)

    def _set(self, name: str, value: str) -> None:
        self._connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))

    def _begin(self) -> None:
        """Python opens a transaction by itself before INSERT and the like, but not before CREATE and DROP."""
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN")


def _to_row(record: Record) -> tuple[str, bytes | None, bytes | None, bytes]:
    dense = None if record.values is None else record.values.tobytes()
    sparse = None if record.sparse is None else record.sparse.to_bytes()
    return record.id, dense, sparse, orjson.dumps(record.metadata)


def _from_row(record_id: str, dense: bytes | None, sparse: bytes | None, metadata: bytes) -> Record:
    return Record(
        id=record_id,
        values=None if dense is None else np.frombuffer(dense, np.float32),
        sparse=None if sparse is None else Sparse.from_bytes(sparse),
        metadata=orjson.loads(metadata),
    )
