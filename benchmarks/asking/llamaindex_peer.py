"""LlamaIndex as its documentation has it: an index over Pinecone's store, and its query engine.

`python -m benchmarks.asking.llamaindex_peer <models> <vectors> <namespace>`

Its package for OpenAI's chat models takes no client of the version that is pinned here, so the chat model is one of
the custom kind: the openai client and nothing else.
"""

import sys
from collections.abc import Mapping
from typing import Any

from llama_index.core import Document, VectorStoreIndex  # type: ignore[import-not-found]
from llama_index.core.llms import (  # type: ignore[import-not-found]
    CompletionResponse,
    CompletionResponseGen,
    CustomLLM,
    LLMMetadata,
)
from llama_index.core.llms.callbacks import llm_completion_callback  # type: ignore[import-not-found]
from llama_index.core.node_parser import SentenceSplitter  # type: ignore[import-not-found]
from llama_index.embeddings.openai import OpenAIEmbedding  # type: ignore[import-not-found]
from llama_index.vector_stores.pinecone import PineconeVectorStore  # type: ignore[import-not-found]
from openai import OpenAI
from pinecone import Pinecone
from pydantic import PrivateAttr

from benchmarks.asking.peer import PROMPT, TOP_K, serve
from benchmarks.pipeline.peer import DIMENSIONS, MODEL


class Chat(CustomLLM):  # type: ignore[misc]
    """A chat model behind OpenAI's protocol."""

    _client: OpenAI = PrivateAttr()

    def __init__(self, models: str) -> None:
        super().__init__()
        self._client = OpenAI(base_url=models, api_key="any")

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(context_window=128_000, num_output=1_000, model_name="offline-extractive-chat")

    @llm_completion_callback()  # type: ignore[untyped-decorator]
    def complete(self, prompt: str, formatted: bool = False, **given: Any) -> CompletionResponse:
        messages: Any = [{"role": "system", "content": PROMPT}, {"role": "user", "content": prompt}]
        answer = self._client.chat.completions.create(model=self.metadata.model_name, messages=messages)
        return CompletionResponse(text=answer.choices[0].message.content)

    @llm_completion_callback()  # type: ignore[untyped-decorator]
    def stream_complete(self, prompt: str, formatted: bool = False, **given: Any) -> CompletionResponseGen:
        yield self.complete(prompt)


class LlamaIndex:
    def __init__(self, models: str, vectors: str, namespace: str) -> None:
        store = PineconeVectorStore(pinecone_index=Pinecone(api_key="any").Index(host=vectors), namespace=namespace)
        embedding = OpenAIEmbedding(model_name=MODEL, dimensions=DIMENSIONS, api_base=models, api_key="any")
        self._index = VectorStoreIndex.from_vector_store(
            store, embed_model=embedding, transformations=[SentenceSplitter(chunk_size=400, chunk_overlap=40)]
        )
        self._engine = self._index.as_query_engine(llm=Chat(models), similarity_top_k=TOP_K)

    def index(self, texts: Mapping[str, str]) -> None:
        for name, text in texts.items():
            self._index.insert(Document(text=text, doc_id=name))

    def ask(self, question: str) -> str:
        return str(self._engine.query(question))


if __name__ == "__main__":
    serve(lambda: LlamaIndex(*sys.argv[1:]))
