"""LangChain as its documentation has it: retriever, prompt, chat model and parser as one chain.

`python -m benchmarks.asking.langchain_peer <models> <vectors> <namespace>`
"""

import sys
from collections.abc import Mapping

from langchain_core.documents import Document  # type: ignore[import-not-found]
from langchain_core.output_parsers import StrOutputParser  # type: ignore[import-not-found]
from langchain_core.prompts import ChatPromptTemplate  # type: ignore[import-not-found]
from langchain_core.runnables import RunnablePassthrough  # type: ignore[import-not-found]
from langchain_openai import ChatOpenAI, OpenAIEmbeddings  # type: ignore[import-not-found]
from langchain_pinecone import PineconeVectorStore  # type: ignore[import-not-found]
from langchain_text_splitters import RecursiveCharacterTextSplitter  # type: ignore[import-not-found]

from benchmarks.asking.peer import PROMPT, TOP_K, serve
from benchmarks.pipeline.peer import DIMENSIONS, MODEL


class LangChain:
    def __init__(self, models: str, vectors: str, namespace: str) -> None:
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
        prompt = ChatPromptTemplate.from_messages(
            [("system", PROMPT), ("human", "Sources:\n{sources}\n\nQuestion: {question}")]
        )
        retriever = self._store.as_retriever(search_kwargs={"k": TOP_K})
        model = ChatOpenAI(model="offline-extractive-chat", api_key="any", base_url=models)
        given = {"sources": retriever | _joined, "question": RunnablePassthrough()}
        self._chain = given | prompt | model | StrOutputParser()

    def index(self, texts: Mapping[str, str]) -> None:
        splitter = RecursiveCharacterTextSplitter(chunk_size=1_600, chunk_overlap=160)  # some 400 tokens, and 40
        documents = [Document(page_content=text, metadata={"source": name}) for name, text in texts.items()]
        self._store.add_documents(splitter.split_documents(documents))

    def ask(self, question: str) -> str:
        return str(self._chain.invoke(question))


def _joined(documents: list[Document]) -> str:
    return "\n\n".join(document.page_content for document in documents)


if __name__ == "__main__":
    serve(lambda: LangChain(*sys.argv[1:]))
