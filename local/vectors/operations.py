"""Pinecone's data plane: each function takes the store and a call and returns the JSON of the response.
Reference: https://docs.pinecone.io/reference/api/data-plane"""

from __future__ import annotations

from math import ceil
from typing import Any, TypeAlias

from local.vectors.call import (
    Call,
    read_dense,
    read_ids,
    read_integer,
    read_metadata,
    read_name,
    read_namespace,
    read_record,
    read_sparse,
    read_token,
    to_token,
)
from local.vectors.errors import InvalidArgumentError
from local.vectors.filters import Filter, compile_filter
from local.vectors.limits import (
    DELETE_IDS,
    FETCH_IDS,
    LIST_PAGE,
    METADATA_PAGE,
    QUERY_TOP_K,
    UPSERT_RECORDS,
    check_upsert,
)
from local.vectors.namespace import Query
from local.vectors.records import Match, Record
from local.vectors.store import Store

Json: TypeAlias = dict[str, Any]


def upsert(store: Store, call: Call) -> Json:
    raw = call.body.get("vectors")
    if not isinstance(raw, list) or not raw:
        raise InvalidArgumentError("vectors must be a list of at least one vector")
    if len(raw) > UPSERT_RECORDS:
        raise InvalidArgumentError(f"Too many vectors: {len(raw)}, the limit is {UPSERT_RECORDS} per upsert")
    records = [read_record(item) for item in raw]
    check_upsert(records)
    store.upsert(read_namespace(call.body.get("namespace")), records)
    return {"upsertedCount": len(records)}


def query(store: Store, call: Call) -> Json:
    namespace = read_namespace(call.body.get("namespace"))
    matches = _search(store, namespace, call)
    with_metadata = bool(call.body.get("includeMetadata"))
    with_values = bool(call.body.get("includeValues"))
    return {
        "matches": [_match(match, with_values=with_values, with_metadata=with_metadata) for match in matches],
        "namespace": call.body.get("namespace") or "",
        "usage": {"readUnits": store.read_units(namespace)},
    }


def _search(store: Store, namespace: str, call: Call) -> list[Match]:
    wanted = Query(
        dense=read_dense(call.body.get("vector")),
        sparse=read_sparse(call.body.get("sparseVector")),
        top_k=read_integer("topK", call.body.get("topK"), 1, QUERY_TOP_K),
        filter=compile_filter(call.body.get("filter")),
        with_values=bool(call.body.get("includeValues")),
    )
    record_id = call.body.get("id")
    by_value = wanted.dense is not None or wanted.sparse is not None
    if record_id and by_value:
        raise InvalidArgumentError("Cannot provide both 'ID' and 'vector' at the same time")
    if record_id:
        return store.search_like(namespace, read_name("Vector ID", record_id), wanted)
    if not by_value:
        raise InvalidArgumentError("Query requires a vector, a sparse vector or an id")
    return store.search(namespace, wanted)


def fetch(store: Store, call: Call) -> Json:
    namespace = call.query.get("namespace", "")
    records = store.fetch(read_namespace(namespace), read_ids(call.query.getlist("ids"), FETCH_IDS))
    return _vectors(records, namespace)


def fetch_by_metadata(store: Store, call: Call) -> Json:
    namespace = call.body.get("namespace") or ""
    wanted = _required_filter(call, "Empty filter provided for fetch by metadata request")
    limit = read_integer("limit", call.body.get("limit") or LIST_PAGE, 1, METADATA_PAGE)
    after = read_token(call.body.get("paginationToken"))
    page = store.fetch_matching(read_namespace(namespace), wanted, after, limit)
    return _vectors(page.records, namespace) | _pagination(page.last)


def list_ids(store: Store, call: Call) -> Json:
    namespace = call.query.get("namespace", "")
    limit = read_integer("limit", call.query.get("limit", LIST_PAGE), 1, LIST_PAGE)
    prefix = call.query.get("prefix") or ""
    after = read_token(call.query.get("paginationToken"))
    ids, more = store.list_ids(read_namespace(namespace), prefix, after, limit)
    return {
        "vectors": [{"id": record_id} for record_id in ids],
        "namespace": namespace,
        "usage": {"readUnits": 1},
        **_pagination(ids[-1] if more else None),
    }


def update(store: Store, call: Call) -> Json:
    namespace = read_namespace(call.body.get("namespace"))
    values = read_dense(call.body.get("values"))
    sparse = read_sparse(call.body.get("sparseValues"))
    metadata = read_metadata(call.body.get("setMetadata"))
    if call.body.get("id"):
        if call.body.get("filter"):
            raise InvalidArgumentError("Cannot provide both 'ID' and 'filter' at the same time")
        store.update(namespace, read_name("Vector ID", call.body["id"]), values, sparse, metadata)
        return {}
    wanted = _required_filter(call, "Update with empty metadata filter is not allowed")
    if values is not None or sparse is not None:
        raise InvalidArgumentError("Update by metadata request does not support updating vector values.")
    dry_run = bool(call.body.get("dryRun"))
    return {"matchedRecords": store.update_matching(namespace, wanted, metadata, dry_run=dry_run)}


def delete(store: Store, call: Call) -> Json:
    namespace = read_namespace(call.body.get("namespace"))
    ids, raw_filter = call.body.get("ids"), call.body.get("filter")
    if call.body.get("deleteAll"):
        if ids or raw_filter:
            raise InvalidArgumentError(f"No {'explicit IDs' if ids else 'filter'} allowed when delete_all=true")
        store.delete_all(namespace)
    elif raw_filter is not None:  # next to ids, the service applies the filter alone
        store.delete_matching(namespace, _required_filter(call, "Delete with empty metadata filter is not allowed"))
    else:
        store.delete(namespace, read_ids(ids, DELETE_IDS))
    return {}


def describe_index_stats(store: Store, call: Call) -> Json:
    counts = store.counts(compile_filter(call.body.get("filter")))
    shape = store.shape()
    kind = "sparse" if shape is not None and shape.dimension is None else "dense"
    return {
        "namespaces": {name: {"vectorCount": count} for name, count in counts.items()},
        "dimension": shape.dimension if shape else None,
        "indexFullness": 0.0,
        "totalVectorCount": sum(counts.values()),
        "metric": "dotproduct" if kind == "sparse" else store.metric,
        "vectorType": kind,
    }


def list_namespaces(store: Store, call: Call) -> Json:
    prefix, after = call.query.get("prefix") or "", read_token(call.query.get("paginationToken")) or ""
    limit = read_integer("limit", call.query.get("limit", LIST_PAGE), 1, LIST_PAGE)
    counts = store.counts()
    names = sorted(name for name in counts if name.startswith(prefix))
    left = [name for name in names if name > after]
    return {
        "namespaces": [_namespace(name, counts[name]) for name in left[:limit]],
        "total_count": len(names),
        **_pagination(left[limit - 1] if len(left) > limit else None),
    }


def create_namespace(store: Store, call: Call) -> Json:
    name, schema = read_name("name", call.body.get("name")), call.body.get("schema") or {}
    if not isinstance(schema, dict):
        raise InvalidArgumentError("schema must be an object")
    store.create(name, schema)
    return describe_namespace(store, Call({}, call.query, {"name": name}))


def describe_namespace(store: Store, call: Call) -> Json:
    name = read_namespace(call.path["name"])
    count, schema = store.describe(name)
    return _namespace(name, count) | ({"schema": schema} if schema else {})


def delete_namespace(store: Store, call: Call) -> Json:
    store.drop(read_namespace(call.path["name"]))
    return {}


def _required_filter(call: Call, message: str) -> Filter:
    wanted = compile_filter(call.body.get("filter"))
    if wanted is None:
        raise InvalidArgumentError(message)
    return wanted


def _namespace(name: str, count: int) -> Json:
    return {"name": name, "record_count": str(count)}  # the service sends 64-bit integers as strings


def _vectors(records: list[Record], namespace: str) -> Json:
    return {
        "vectors": {record.id: _vector(record) for record in records},
        "namespace": namespace,
        "usage": {"readUnits": max(1, ceil(len(records) / 10))},
    }


def _vector(record: Record, *, with_values: bool = True, with_metadata: bool = True) -> Json:
    vector: Json = {"id": record.id}
    if with_values:
        vector["values"] = [] if record.values is None else record.values
    if with_values and record.sparse is not None:
        vector["sparseValues"] = {"indices": record.sparse.indices, "values": record.sparse.values}
    if with_metadata and record.metadata:
        vector["metadata"] = record.metadata
    return vector


def _match(match: Match, *, with_values: bool, with_metadata: bool) -> Json:
    vector = _vector(match.record, with_values=with_values, with_metadata=with_metadata)
    return {"score": match.score, **vector}


def _pagination(last: str | None) -> Json:
    return {} if last is None else {"pagination": {"next": to_token(last)}}
