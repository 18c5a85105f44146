"""LangChain as its documentation has it: loader, splitter, and `index()` with a record manager over Pinecone's store.

`python -m benchmarks.pipeline.langchain_peer <models> <vectors> <namespace> <folder for its state>`
"""

import sys
from collections.abc import Sequence

from langchain_classic.indexes import SQLRecordManager  # type: ignore[import-not-found]
from langchain_community.document_loaders import PyPDFLoader, TextLoader  # type: ignore[import-not-found]
from langchain_core.indexing import index  # type: ignore[import-not-found]
from langchain_openai import OpenAIEmbeddings  # type: ignore[import-not-found]
from langchain_pinecone import PineconeVectorStore  # type: ignore[import-not-found]
from langchain_text_splitters import RecursiveCharacterTextSplitter  # type: ignore[import-not-found]

from benchmarks.pipeline.peer import DIMENSIONS, MODEL, serve


class LangChain:
    def __init__(self, models: str, vectors: str, namespace: str, folder: str) -> None:
        embeddings = OpenAIEmbeddings(
            model=MODEL,
            dimensions=DIMENSIONS,
            api_key="any",
            base_url=models,
            check_embedding_ctx_length=False,  # else it fetches a tokenizer's tables
        )
        self._store = PineconeVectorStore(
            host=vectors, embedding=embeddings, namespace=namespace, pinecone_api_key="any"
        )
        self._records = SQLRecordManager(namespace, db_url=f"sqlite:///{folder}/records.sqlite")
        self._records.create_schema()
        self._splitter = RecursiveCharacterTextSplitter(chunk_size=1_600, chunk_overlap=160)  # some 400 tokens, and 40

    def ingest(self, files: Sequence[str]) -> None:
        loaders = [PyPDFLoader(file) if file.endswith(".pdf") else TextLoader(file) for file in files]
        pieces = self._splitter.split_documents([document for loader in loaders for document in loader.load()])
        index(pieces, self._records, self._store, cleanup="incremental", source_id_key="source", key_encoder="sha256")


if __name__ == "__main__":
    serve(LangChain(*sys.argv[1:]))
