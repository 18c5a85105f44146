"""Haystack as its documentation has it: a pipeline of embedder, Pinecone's retriever, prompt builder and generator.

`python -m benchmarks.asking.haystack_peer <models> <vectors> <namespace>`, with HAYSTACK_TELEMETRY_ENABLED=false.
"""

import sys
from collections.abc import Mapping

from haystack import Document, Pipeline  # type: ignore[import-not-found]
from haystack.components.builders import ChatPromptBuilder  # type: ignore[import-not-found]
from haystack.components.embedders import (  # type: ignore[import-not-found]
    OpenAIDocumentEmbedder,
    OpenAITextEmbedder,
)
from haystack.components.generators.chat import OpenAIChatGenerator  # type: ignore[import-not-found]
from haystack.components.preprocessors import DocumentSplitter  # type: ignore[import-not-found]
from haystack.dataclasses import ChatMessage  # type: ignore[import-not-found]
from haystack.utils import Secret  # type: ignore[import-not-found]
from haystack_integrations.components.retrievers.pinecone import (  # type: ignore[import-not-found]
    PineconeEmbeddingRetriever,
)
from haystack_integrations.document_stores.pinecone import PineconeDocumentStore  # type: ignore[import-not-found]
from pinecone import Pinecone

from benchmarks.asking.peer import PROMPT, TOP_K, serve
from benchmarks.pipeline.peer import DIMENSIONS, MODEL

_KEY = Secret.from_token("any")
_ASKED = """Sources:
{% for source in sources %}{{ source.content }}

{% endfor %}Question: {{ question }}"""


class Haystack:
    def __init__(self, models: str, vectors: str, namespace: str) -> None:
        self._store = PineconeDocumentStore(
            api_key=_KEY, namespace=namespace, dimension=DIMENSIONS, show_progress=False
        )
        # By name it would look the index up at Pinecone's control plane, which the offline server does not have.
        self._store._index = Pinecone(api_key="any").Index(host=vectors)
        self._store._dummy_vector = [-10.0] * DIMENSIONS
        self._embedding = {"api_key": _KEY, "model": MODEL, "dimensions": DIMENSIONS, "api_base_url": models}
        messages = [ChatMessage.from_system(PROMPT), ChatMessage.from_user(_ASKED)]
        self._pipeline = Pipeline()
        self._pipeline.add_component("embedder", OpenAITextEmbedder(**self._embedding))
        self._pipeline.add_component("retriever", PineconeEmbeddingRetriever(document_store=self._store, top_k=TOP_K))
        self._pipeline.add_component("prompt", ChatPromptBuilder(template=messages, required_variables="*"))
        chat = OpenAIChatGenerator(api_key=_KEY, model="offline-extractive-chat", api_base_url=models)
        self._pipeline.add_component("chat", chat)
        self._pipeline.connect("embedder.embedding", "retriever.query_embedding")
        self._pipeline.connect("retriever.documents", "prompt.sources")
        self._pipeline.connect("prompt.prompt", "chat.messages")

    def index(self, texts: Mapping[str, str]) -> None:
        splitter = DocumentSplitter(split_by="word", split_length=300, split_overlap=30)  # some 400 tokens, and 40
        pieces = splitter.run(documents=[Document(content=text, meta={"name": name}) for name, text in texts.items()])
        embedder = OpenAIDocumentEmbedder(**self._embedding, progress_bar=False)
        self._store.write_documents(embedder.run(documents=pieces["documents"])["documents"])

    def ask(self, question: str) -> str:
        done = self._pipeline.run({"embedder": {"text": question}, "prompt": {"question": question}})
        return str(done["chat"]["replies"][0].text)


if __name__ == "__main__":
    serve(lambda: Haystack(*sys.argv[1:]))
