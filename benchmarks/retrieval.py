"""How well passages are found: nDCG@10 and recall by words, by meaning, fused and reranked, beside BM25.

`python -m benchmarks.retrieval` takes the offline models in this process and costs nothing; rankings are fused by the
code that answers. The chunking is scored by its spans: how much of the marked passages is among the best chunks.
`--real` takes the hosted models instead, with the keys of the environment (OPENAI_API_KEY, PINECONE_API_KEY).
"""

import argparse
import csv
import json
import math
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.embedders import Embedder, Hosted, Offline, Scores
from local.stack.places import ROOT, Stop
from local.vectors.terms import terms
from quadrille.ask.legs import fused
from quadrille.collections import Size
from quadrille.config import Settings
from quadrille.ingest.splitting import split
from quadrille.vectors import Match

CORPORA = ROOT.parent / "shared/corpora/retrieval"
SETS = ("cranfield", "cacm", "xquad-en")
MODES = ("BM25, plain words", "BM25, our stems", "lexical", "dense", "hybrid", "hybrid + rerank")
_DEPTH = 100  # of each ranking, as `recall@100` needs and `rerank_candidates` has it
_K1, _B = 1.2, 0.75
_BEST = 5  # chunks of which spans are scored

Span = tuple[int, int]


class Sums:
    """Scores of documents as sums over a query's terms, by inverted lists."""

    def __init__(self, weighed: Sequence[Mapping[str, float]]) -> None:
        lists: dict[str, tuple[list[int], list[float]]] = defaultdict(lambda: ([], []))
        for place, about in enumerate(weighed):
            for term, weight in about.items():
                lists[term][0].append(place)
                lists[term][1].append(weight)
        self.count = len(weighed)
        self._lists = {term: (np.array(places), np.array(values)) for term, (places, values) in lists.items()}

    def rarity(self, term: str) -> float:
        """BM25's inverse document frequency."""
        found = len(self._lists[term][0]) if term in self._lists else 0
        return math.log(1 + (self.count - found + 0.5) / (found + 0.5))

    def scores(self, wanted: Mapping[str, float]) -> Scores:
        scores = np.zeros(self.count)
        for term, weight in wanted.items():
            if term in self._lists:
                places, values = self._lists[term]
                scores[places] += weight * values
        return scores


class Bm25:
    """BM25 (Robertson and Zaragoza, 2009) with the statistics of the whole set, which no hosted model has."""

    def __init__(self, documents: Sequence[Sequence[str]]) -> None:
        average = sum(map(len, documents)) / len(documents)
        self._sums = Sums([_saturated(words, average) for words in documents])

    def scores(self, query: Sequence[str]) -> Scores:
        return self._sums.scores({word: count * self._sums.rarity(word) for word, count in Counter(query).items()})


class Texts:
    """Texts as each way of searching sees them."""

    def __init__(self, texts: Sequence[str], embedder: Embedder) -> None:
        self.texts, self._embedder = texts, embedder
        self._plain = Bm25([_words(text) for text in texts])
        self._stemmed = Bm25([_stems(text) for text in texts])
        self._sparse = Sums(embedder.sparse(texts, "passage"))
        self._dense = embedder.dense(texts)

    def rankings(self, queries: Sequence[str]) -> Iterator[dict[str, list[int]]]:
        """For each query and mode the places of the best texts, best first."""
        embedded = zip(queries, self._embedder.sparse(queries, "query"), self._embedder.dense(queries), strict=True)
        return (self._rankings(*each) for each in embedded)

    def _rankings(self, query: str, sparse: Mapping[str, float], dense: Scores) -> dict[str, list[int]]:
        words = _best(self._sparse.scores(sparse))
        meaning = _best(self._dense @ dense)
        both = [int(match.id) for match in fused(_matches(meaning), _matches(words))][:_DEPTH]
        scores = self._embedder.relevance(query, [self.texts[place] for place in both])
        order = sorted(range(len(both)), key=lambda at: (-scores[at], at))
        found = _best(self._plain.scores(_words(query))), _best(self._stemmed.scores(_stems(query))), words, meaning
        return dict(zip(MODES, (*found, both, [both[at] for at in order]), strict=True))


@dataclass(frozen=True)
class Judged:
    """A query and how relevant which texts are."""

    query: str
    grades: Mapping[int, int]


def main(arguments: list[str]) -> int | str:
    """Print a row a mode: nDCG@10, recall@10 and recall@100 of each set; then the spans of the chunking."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.retrieval", description=__doc__)
    parser.add_argument("--corpora", type=Path, default=CORPORA, help="the folder of the sets")
    parser.add_argument("--real", action="store_true", help="with hosted models, some 2,000 rerankings; costs money")
    given = parser.parse_args(arguments)
    corpora: Path = given.corpora
    try:
        embedder: Embedder = Hosted() if given.real else Offline()
    except Stop as reason:
        return str(reason)
    for name in SETS:
        texts, queries = _set(corpora / name)
        print(f"\n{name}: {len(texts)} texts, {len(queries)} queries")
        _report(Texts(texts, embedder), queries)
    _report_chunks(corpora / "chunking-eval", embedder)
    return 0


def _report(texts: Texts, queries: Sequence[Judged]) -> None:
    measured: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    for judged, rankings in zip(queries, texts.rankings([judged.query for judged in queries]), strict=True):
        for mode, found in rankings.items():
            measured[mode].append((_ndcg(found, judged), _recall(found[:10], judged), _recall(found, judged)))
    print(f"{'':<20}{'nDCG@10':>9}{'recall@10':>11}{'recall@100':>12}")
    for mode, rows in measured.items():
        ndcg, ten, hundred = np.mean(rows, axis=0)
        print(f"{mode:<20}{ndcg:>9.3f}{ten:>11.3f}{hundred:>12.3f}")


def _report_chunks(folder: Path, embedder: Embedder) -> None:
    """Per text and over all questions: the share of the marked characters found, and what the chunks hold besides."""
    here, rows = Settings(), list(csv.DictReader((folder / "questions_df.csv").open()))
    size = Size(here.chunk_tokens, here.chunk_overlap_tokens)
    measured: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for file in sorted((folder / "corpora").glob("*.md")):
        text = file.read_text()
        chunks = list(split(text, [], markdown=True, size=size))
        texts = Texts([chunk.embedded for chunk in chunks], embedder)
        asked = [row for row in rows if row["corpus_id"] == file.stem]
        for row, rankings in zip(asked, texts.rankings([row["question"] for row in asked]), strict=True):
            marked = _characters((each["start_index"], each["end_index"]) for each in json.loads(row["references"]))
            for mode, found in rankings.items():
                spans = [(chunks[place].start, chunks[place].end) for place in found[:_BEST]]
                shown, sizes = _characters(spans), sum(end - start for start, end in spans)
                common = len(marked & shown)
                measured[mode].append((common / len(marked), common / (sizes + len(marked) - common)))
    print(f"\nchunking-eval: the best {_BEST} of chunks of {size.tokens} tokens, {len(rows)} questions")
    print(f"{'':<20}{'recall':>9}{'IoU':>9}")
    for mode, shares in measured.items():
        recall, union = np.mean(shares, axis=0)
        print(f"{mode:<20}{recall:>9.3f}{union:>9.3f}")


def _set(folder: Path) -> tuple[list[str], list[Judged]]:
    documents = [json.loads(line) for line in (folder / "corpus.jsonl").open()]
    places = {document["_id"]: place for place, document in enumerate(documents)}
    texts = [f"{document['title']}\n\n{document['text']}".strip() for document in documents]
    queries = {row["_id"]: row["text"] for row in map(json.loads, (folder / "queries.jsonl").open())}
    grades: dict[str, dict[int, int]] = defaultdict(dict)
    for row in csv.DictReader((folder / "qrels/test.tsv").open(), delimiter="\t"):
        if int(row["score"]) > 0:
            grades[row["query-id"]][places[row["corpus-id"]]] = int(row["score"])
    return texts, [Judged(queries[name], relevant) for name, relevant in grades.items()]


def _ndcg(found: Sequence[int], judged: Judged) -> float:
    gains = [judged.grades.get(place, 0) for place in found[:10]]
    ideal = sorted(judged.grades.values(), reverse=True)[:10]
    return _discounted(gains) / _discounted(ideal)


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(place + 2) for place, gain in enumerate(gains))


def _recall(found: Sequence[int], judged: Judged) -> float:
    return len(judged.grades.keys() & set(found)) / len(judged.grades)


def _best(scores: Scores) -> list[int]:
    order = np.argsort(-scores, kind="stable")[:_DEPTH]
    return [int(place) for place in order if scores[place] > 0]


def _matches(places: Sequence[int]) -> list[Match]:
    return [Match(str(place), 0.0, {}) for place in places]


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _stems(text: str) -> list[str]:
    return [stem for stem, _ in terms(text)]


def _saturated(words: Sequence[str], average: float) -> dict[str, float]:
    norm = _K1 * (1 - _B + _B * len(words) / average)
    return {word: count * (_K1 + 1) / (count + norm) for word, count in Counter(words).items()}


def _characters(spans: Iterable[Span]) -> set[int]:
    return {place for start, end in spans for place in range(start, end)}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
