"""Pinecone's inference API: sparse embedding, reranking and the list of models that answer here.
Reference: https://docs.pinecone.io/reference/api/inference"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.models.words import split_words
from local.vectors.call import Call, read_integer
from local.vectors.embedding import embed_passage, embed_query
from local.vectors.errors import InvalidArgumentError, NotFoundError
from local.vectors.limits import EMBED_INPUTS, RERANK_DOCUMENTS
from local.vectors.operations import Json
from local.vectors.reranking import relevance
from local.vectors.store import Store

EMBEDDERS = ("pinecone-sparse-english-v0", "pinecone-sparse-multilingual-v0")
RERANKERS = ("bge-reranker-v2-m3", "cohere-rerank-3.5", "pinecone-rerank-v0")

EMBED_BY_INPUT_TYPE = {"passage": embed_passage, "query": embed_query}


def embed(_store: Store, call: Call) -> Json:
    model = _model(call, EMBEDDERS)
    parameters = call.body.get("parameters") or {}
    embedder = EMBED_BY_INPUT_TYPE.get(str(parameters.get("input_type")))
    if embedder is None:
        raise InvalidArgumentError("parameters.input_type must be 'passage' or 'query'")
    texts = [_text(item, "text") for item in _items(call, "inputs", EMBED_INPUTS)]
    with_tokens = bool(parameters.get("return_tokens"))
    return {
        "model": model,
        "vector_type": "sparse",
        "data": [_embedding(embedder(text), with_tokens=with_tokens) for text in texts],
        "usage": {"total_tokens": sum(len(split_words(text)) for text in texts)},
    }


def _embedding(weights: dict[int, tuple[float, str]], *, with_tokens: bool) -> Json:
    embedding: Json = {
        "vector_type": "sparse",
        "sparse_indices": list(weights),
        "sparse_values": [weight for weight, _ in weights.values()],
    }
    if with_tokens:
        embedding["sparse_tokens"] = [term for _, term in weights.values()]
    return embedding


def rerank(_store: Store, call: Call) -> Json:
    model = _model(call, RERANKERS)
    query = _text(call.body, "query")
    documents = _items(call, "documents", RERANK_DOCUMENTS)
    fields = call.body.get("rank_fields") or ["text"]
    top_n = read_integer("top_n", call.body.get("top_n") or len(documents), 1, 2**31)
    scores = relevance(query, ["\n".join(_text(item, field) for field in fields) for item in documents])
    ranked = sorted(range(len(scores)), key=lambda index: (-scores[index], index))[:top_n]
    with_documents = call.body.get("return_documents", True)
    return {
        "model": model,
        "data": [
            {"index": index, "score": scores[index], **({"document": documents[index]} if with_documents else {})}
            for index in ranked
        ],
        "usage": {"rerank_units": 1},
    }


def list_models(_store: Store, call: Call) -> Json:
    kind, vector_type = call.query.get("type"), call.query.get("vector_type")
    models = [_describe(model) for model in (*EMBEDDERS, *RERANKERS)]
    return {
        "models": [
            model
            for model in models
            if kind in (None, model["type"]) and vector_type in (None, model.get("vector_type"))
        ]
    }


def describe_model(_store: Store, call: Call) -> Json:
    model = call.path["model"]
    if model not in EMBEDDERS + RERANKERS:
        raise _no_model(model)
    return _describe(model)


def _describe(model: str) -> Json:
    kind: Json = {"type": "embed", "vector_type": "sparse"} if model in EMBEDDERS else {"type": "rerank"}
    return {
        "model": model,
        "short_description": "Offline stand-in: deterministic and lexical.",
        "supported_parameters": [],
        **kind,
    }


def _model(call: Call, known: tuple[str, ...]) -> str:
    model = _text(call.body, "model")
    if model not in known:
        raise _no_model(model)
    return model


def _no_model(model: str) -> NotFoundError:
    return NotFoundError(f"Model '{model}' not found. Here are: {', '.join(EMBEDDERS + RERANKERS)}.")


def _items(call: Call, field: str, most: int) -> list[Any]:
    items = call.body.get(field)
    if not isinstance(items, list) or not 1 <= len(items) <= most:
        raise InvalidArgumentError(f"{field} must be a list of 1 to {most} items")
    return items


def _text(item: object, field: str) -> str:
    text = item.get(field) if isinstance(item, Mapping) else None
    if not isinstance(text, str) or not text.strip():
        raise InvalidArgumentError(f"'{field}' must be a non-empty string")
    return text
