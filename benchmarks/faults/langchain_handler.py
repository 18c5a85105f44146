"""Ingestion with LangChain as its documentation recommends: `index()` with a record manager, embeddings behind a cache.
Both keep their state on a disk that outlives the worker: records in SQLite, vectors as files."""

from collections.abc import Sequence
from typing import Any

from langchain_classic.embeddings import CacheBackedEmbeddings  # type: ignore[import-not-found]
from langchain_classic.indexes import SQLRecordManager  # type: ignore[import-not-found]
from langchain_classic.storage import LocalFileStore  # type: ignore[import-not-found]
from langchain_core.documents import Document  # type: ignore[import-not-found]
from langchain_core.indexing import index  # type: ignore[import-not-found]
from langchain_core.vectorstores import VectorStore  # type: ignore[import-not-found]
from langchain_openai import OpenAIEmbeddings  # type: ignore[import-not-found]
from sqlalchemy.pool import NullPool  # type: ignore[import-not-found]

from benchmarks.faults import effects
from benchmarks.faults.interactions import Interactions
from benchmarks.faults.stage import DIMENSIONS, MODEL, Context, Stage


class _Files(LocalFileStore):  # type: ignore[misc]
    """The cache's files. A write to the disk counts as an interaction, as a request does."""

    interactions: Interactions

    def mset(self, key_value_pairs: Sequence[tuple[str, bytes]]) -> None:
        with self.interactions.around("file"):
            super().mset(key_value_pairs)


class _Records(SQLRecordManager):  # type: ignore[misc]
    """The record manager. A commit counts as an interaction."""

    interactions: Interactions

    def update(self, *arguments: Any, **options: Any) -> None:
        with self.interactions.around("records"):
            super().update(*arguments, **options)


class _Downstream(VectorStore):  # type: ignore[misc]
    """The vector store `index()` writes to: embeds what is new and publishes it."""

    def __init__(self, embedding: CacheBackedEmbeddings, stage: Stage) -> None:
        self._embedding, self._dynamodb = embedding, stage.dynamodb

    def add_documents(self, documents: list[Document], *, ids: list[str], **_: Any) -> list[str]:
        vectors = self._embedding.embed_documents([document.page_content for document in documents])
        for document, vector in zip(documents, vectors, strict=True):
            effects.publish(self._dynamodb, document.metadata["source"], vector)
        return ids

    def delete(self, ids: list[str] | None = None, **_: Any) -> bool:
        raise AssertionError("no unit is ever indexed with another text")

    def similarity_search(self, query: str, k: int = 4, **_: Any) -> list[Document]:
        raise AssertionError("this store is written to and never read")

    @classmethod
    def from_texts(cls, texts: list[str], *_: Any, **__: Any) -> "_Downstream":
        raise AssertionError("this store is written to and never read")


class LangChainHandler:
    def __init__(self, stage: Stage) -> None:
        model = OpenAIEmbeddings(
            model=MODEL,
            dimensions=DIMENSIONS,
            api_key="any",
            base_url=stage.provider,
            check_embedding_ctx_length=False,  # else it fetches a tokenizer's tables
        )
        files = _Files(stage.folder / "cache")
        cached = CacheBackedEmbeddings.from_bytes_store(model, files, namespace=MODEL, key_encoder="sha256")
        self._records = _Records(
            "effects",
            db_url=f"sqlite:///{stage.folder}/records.sqlite",
            engine_kwargs={"poolclass": NullPool},  # a fork must not share a connection
        )
        self._records.create_schema()
        files.interactions = self._records.interactions = stage.interactions
        self._store = _Downstream(cached, stage)

    def handle(self, unit: str, text: str, context: Context) -> None:
        documents = [Document(page_content=text, metadata={"source": unit})]
        index(
            documents,
            self._records,
            self._store,
            cleanup="incremental",
            source_id_key="source",
            key_encoder="sha256",
        )


def make(stage: Stage) -> LangChainHandler:
    return LangChainHandler(stage)
