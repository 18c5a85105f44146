"""How often a similar question's answer is taken, and how often wrongly, by the similarity that is asked for.

`python -m benchmarks.semantic_cache` embeds with the offline model and costs nothing; `--model` embeds with a real one,
through the openai client and its environment (OPENAI_API_KEY, OPENAI_BASE_URL).
"""

import argparse
import csv
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from local.models.embeddings import embed_text
from local.stack.places import ROOT
from quadrille.ask.cache import figures

CORPORA = ROOT.parent / "shared/corpora"
PAIRS = Path(__file__).with_name("question_pairs.json")
THRESHOLDS = (0.70, 0.75, 0.80, 0.85, 0.90, 0.93, 0.95, 0.97, 0.99)
_DIMENSIONS = 1536
_BATCH = 1_000

Embed = Callable[[Sequence[str]], NDArray[np.float32]]


@dataclass(frozen=True)
class Asked:
    """Questions that were asked before and those asked now, each with what it is about."""

    name: str
    before: Sequence[tuple[str, str]]
    now: Sequence[tuple[str, str]]


def main(arguments: list[str]) -> int:
    """Print a row a threshold: the share of questions that are hits, and of the hits those that are false."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.semantic_cache", description=__doc__)
    parser.add_argument("--corpora", type=Path, default=CORPORA, help="the folder of the corpora (../shared/corpora)")
    parser.add_argument("--model", help="embed with this model of a real provider, which costs money")
    given = parser.parse_args(arguments)
    embed = _hosted(given.model) if given.model else _offline
    sets = [found for found in (_banking(given.corpora), _xquad(given.corpora)) if found]
    nearest = {found.name: _nearest(found, embed) for found in sets}
    pairs = {kind: _alike(some, embed) for kind, some in json.loads(PAIRS.read_text()).items()}
    print(f"embedded by {given.model or 'the offline model'}")
    print(
        "similarity "
        + "".join(f"{name + ': hits':>18}{'false':>8}" for name in nearest)
        + f"{'same':>8}{'different':>11}"
    )
    for least in THRESHOLDS:
        columns = [_rates(scores, right, least) for scores, right in nearest.values()]
        shares = [f"{float((alike >= least).mean()):.1%}" for alike in pairs.values()]
        print(
            f"{least:>10.2f} "
            + "".join(f"{hits:>18.1%}{false:>8.1%}" for hits, false in columns)
            + f"{shares[0]:>8}{shares[1]:>11}"
        )
    return 0


def _banking(corpora: Path) -> Asked | None:
    """Half of banking77's questions, asked of the other half: a hit is right if both have the same of 77 intents."""
    file = corpora / "triage/banking77/train.csv"
    if not file.is_file():
        return None
    rows = [(row["text"], row["category"]) for row in csv.DictReader(file.open())]
    return Asked("banking77", rows[::2], rows[1::2])


def _xquad(corpora: Path) -> Asked | None:
    """The same of XQuAD's questions, no two of which ask the same: every hit is false."""
    file = corpora / "retrieval/xquad-en/queries.jsonl"
    if not file.is_file():
        return None
    rows = [(row["text"], row["_id"]) for row in map(json.loads, file.read_text().splitlines())]
    return Asked("xquad", rows[::2], rows[1::2])


def _nearest(asked: Asked, embed: Embed) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """How alike each question is to the most alike one asked before, and whether that is about the same."""
    before, now = embed([text for text, _ in asked.before]), embed([text for text, _ in asked.now])
    alike = now @ before.T
    marks = [np.array([figures(text) for text, _ in some]) for some in (asked.now, asked.before)]
    alike[marks[0][:, None] != marks[1][None, :]] = -1  # as the cache does
    best = alike.argmax(axis=1)
    right = np.array([about == asked.before[at][1] for (_, about), at in zip(asked.now, best, strict=True)])
    return alike.max(axis=1), right


def _alike(pairs: Sequence[Sequence[str]], embed: Embed) -> NDArray[np.float32]:
    one, other = (embed([pair[side] for pair in pairs]) for side in (0, 1))
    same = np.array([figures(one) == figures(other) for one, other in pairs])
    return np.where(same, (one * other).sum(axis=1), -1)


def _rates(scores: NDArray[np.float32], right: NDArray[np.bool_], least: float) -> tuple[float, float]:
    hits = scores >= least
    return float(hits.mean()), float((~right[hits]).mean()) if hits.any() else 0.0


def _offline(texts: Sequence[str]) -> NDArray[np.float32]:
    return np.stack([embed_text(text, _DIMENSIONS) for text in texts])


def _hosted(model: str) -> Embed:
    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        from openai import OpenAI

        client, rows = OpenAI(), []
        for start in range(0, len(texts), _BATCH):
            answer = client.embeddings.create(
                model=model, input=list(texts[start : start + _BATCH]), dimensions=_DIMENSIONS
            )
            rows += [row.embedding for row in answer.data]
        return np.array(rows, dtype=np.float32)

    return embed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
