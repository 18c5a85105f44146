"""LlamaIndex as its documentation has it: reader, `IngestionPipeline` with document store and cache, Pinecone's store.

`python -m benchmarks.pipeline.llamaindex_peer <models> <vectors> <namespace> <folder for its state>`
"""

import sys
from collections.abc import Sequence

from llama_index.core import SimpleDirectoryReader  # type: ignore[import-not-found]
from llama_index.core.ingestion import DocstoreStrategy, IngestionPipeline  # type: ignore[import-not-found]
from llama_index.core.node_parser import SentenceSplitter  # type: ignore[import-not-found]
from llama_index.core.storage.docstore import SimpleDocumentStore  # type: ignore[import-not-found]
from llama_index.embeddings.openai import OpenAIEmbedding  # type: ignore[import-not-found]
from llama_index.vector_stores.pinecone import PineconeVectorStore  # type: ignore[import-not-found]
from pinecone import Pinecone

from benchmarks.pipeline.peer import DIMENSIONS, MODEL, serve


class LlamaIndex:
    def __init__(self, models: str, vectors: str, namespace: str, folder: str) -> None:
        store = Pinecone(api_key="any").Index(host=vectors)
        self._folder = folder
        self._pipeline = IngestionPipeline(
            transformations=[
                SentenceSplitter(chunk_size=400, chunk_overlap=40),
                OpenAIEmbedding(model_name=MODEL, dimensions=DIMENSIONS, api_base=models, api_key="any"),
            ],
            vector_store=PineconeVectorStore(pinecone_index=store, namespace=namespace),
            docstore=SimpleDocumentStore(),
            docstore_strategy=DocstoreStrategy.UPSERTS,
        )

    def ingest(self, files: Sequence[str]) -> None:
        documents = SimpleDirectoryReader(input_files=list(files), filename_as_id=True).load_data()
        self._pipeline.run(documents=documents)
        self._pipeline.persist(self._folder)  # the next process would know nothing without


if __name__ == "__main__":
    serve(LlamaIndex(*sys.argv[1:]))
