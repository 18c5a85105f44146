"""Documents and the questions they answer: XQuAD's articles where the corpora are, else made ones."""

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from benchmarks import local_stack


@dataclass(frozen=True, slots=True)
class Library:
    """Texts by file name, and questions of which no two are alike."""

    texts: dict[str, str]
    questions: list[str]

    @classmethod
    def of(cls, corpora: Path) -> "Library":
        """The 48 articles of XQuAD with their 1,190 questions, or as much of our own."""
        folder = corpora / "retrieval/xquad-en"
        if not folder.is_dir():
            texts = {f"{number}.txt": local_stack.document(number) for number in range(48)}
            return cls(texts, [local_stack.question(number, 48) for number in range(1_190)])
        articles: dict[str, list[str]] = defaultdict(list)
        for row in map(json.loads, (folder / "corpus.jsonl").open()):
            articles[row["title"]].append(row["text"])
        texts = {f"{title}.txt": "\n\n".join(paragraphs) for title, paragraphs in articles.items()}
        asked = [json.loads(line)["text"] for line in (folder / "queries.jsonl").open()]
        return cls(texts, list(dict.fromkeys(asked)))
