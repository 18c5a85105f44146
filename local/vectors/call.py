"""One API call as the operations see it, and the checked reading of its fields.
Every reader raises InvalidArgumentError, so an operation reads like its documentation."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from starlette.datastructures import QueryParams

from local.vectors.errors import InvalidArgumentError
from local.vectors.limits import DIMENSIONS, NAME_CHARACTERS, SPARSE_TERMS, metadata_size
from local.vectors.records import Floats, Indices, Metadata, MetadataValue, Record, Sparse
from local.vectors.store import DEFAULT_NAMESPACE


@dataclass(frozen=True, slots=True)
class Call:
    """The JSON body, the query string and the parts of the path."""

    body: Mapping[str, Any]
    query: QueryParams
    path: Mapping[str, str]


def read_namespace(raw: object) -> str:
    """The key of a namespace; the default one goes by no name, the empty name and its own."""
    return read_name("namespace", raw) if raw else DEFAULT_NAMESPACE


def read_name(what: str, raw: object) -> str:
    """An id, a prefix or the name of a namespace."""
    if not isinstance(raw, str):
        raise InvalidArgumentError(f"{what} must be a string")
    if not raw or len(raw) > NAME_CHARACTERS:
        raise InvalidArgumentError(f"{what} must be 1-{NAME_CHARACTERS} characters, got {len(raw)}")
    if not raw.isascii() or "\0" in raw:
        raise InvalidArgumentError(f"{what} must be ASCII without null characters, but got '{raw[:64]}'")
    return raw


def read_ids(raw: object, most: int) -> list[str]:
    if not isinstance(raw, list) or not raw:
        raise InvalidArgumentError("ids must be a list of at least one id")
    if len(raw) > most:
        raise InvalidArgumentError(f"Too many ids: {len(raw)}, the limit is {most}")
    return [read_name("Vector ID", item) for item in raw]


def read_record(raw: object) -> Record:
    if not isinstance(raw, dict):
        raise InvalidArgumentError("vectors must be a list of objects")
    metadata = read_metadata(raw.get("metadata"))
    metadata_size(metadata)
    return Record(
        id=read_name("Vector ID", raw.get("id")),
        values=read_dense(raw.get("values")),
        sparse=read_sparse(raw.get("sparseValues")),
        metadata=metadata,
    )


def read_dense(raw: object) -> Floats | None:
    if raw is None or raw == []:
        return None
    values = _floats("values", raw)
    if len(values) > DIMENSIONS:
        raise InvalidArgumentError(f"Vector dimension {len(values)} exceeds the limit of {DIMENSIONS}")
    if not values.any():
        raise InvalidArgumentError("Dense vectors must contain at least one non-zero value")
    return values


def read_sparse(raw: object) -> Sparse | None:
    if raw is None or raw == {"indices": [], "values": []}:
        return None
    if not isinstance(raw, dict):
        raise InvalidArgumentError("sparse values must be an object with indices and values")
    values = _floats("sparse values", raw.get("values"))
    indices = _indices(raw.get("indices"))
    if len(indices) != len(values):
        raise InvalidArgumentError(f"Sparse vector has {len(indices)} indices but {len(values)} values")
    if len(values) > SPARSE_TERMS:
        raise InvalidArgumentError(f"Sparse vector has {len(values)} values, the limit is {SPARSE_TERMS}")
    return Sparse(indices, values)


def _floats(what: str, raw: object) -> Floats:
    try:
        parsed = np.array(raw)
    except ValueError as error:  # lists of different lengths
        raise InvalidArgumentError(f"{what} must be a list of numbers") from error
    if parsed.ndim != 1 or parsed.dtype.kind not in "fi":
        raise InvalidArgumentError(f"{what} must be a list of numbers")
    with np.errstate(over="ignore"):
        values = parsed.astype(np.float32)
    if not np.isfinite(values).all():
        raise InvalidArgumentError(f"{what} must be finite 32-bit numbers")
    return values


def _indices(raw: object) -> Indices:
    if not isinstance(raw, list) or not all(type(item) is int and 0 <= item < 2**32 for item in raw):
        raise InvalidArgumentError("sparse indices must be a list of unsigned 32-bit integers")
    if len(set(raw)) != len(raw):
        raise InvalidArgumentError("Sparse vector indices must be unique")
    return np.array(raw, np.uint32)


def read_metadata(raw: object) -> Metadata:
    """Flat metadata. Numbers become floats, as in the service: an integer 3 is read back as 3.0."""
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise InvalidArgumentError("metadata must be an object")
    return {field: _metadata_value(field, value) for field, value in raw.items()}


def _metadata_value(field: str, value: object) -> MetadataValue:
    if field.startswith("$"):
        raise InvalidArgumentError(f"Metadata key '{field}' must not start with '$'")
    if isinstance(value, str | bool):
        return value
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    raise InvalidArgumentError(
        f"Metadata value must be a string, number, boolean or list of strings, "
        f"got '{'null' if value is None else type(value).__name__}' for field '{field}'"
    )


def read_integer(what: str, raw: object, least: int, most: int) -> int:
    """A number of a body, or the digits of a query string."""
    if isinstance(raw, str) and raw.isdecimal():
        raw = int(raw)
    if isinstance(raw, bool) or not isinstance(raw, int) or not least <= raw <= most:
        raise InvalidArgumentError(f"{what} must be an integer between {least} and {most}, got {raw}")
    return raw


def to_token(last: str) -> str:
    """A page token: the name that the next page comes after."""
    return urlsafe_b64encode(last.encode()).decode()


def read_token(raw: object) -> str | None:
    if raw is None:
        return None
    try:
        return urlsafe_b64decode(str(raw)).decode("ascii")
    except (Base64Error, ValueError) as error:
        raise InvalidArgumentError("Invalid pagination token") from error
