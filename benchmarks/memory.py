"""Whether a desk's memory of edited replies finds the ones that matter: those to letters that want the same.

A desk keeps its last 50 edits and shows a draft three of them. Here the edits are letters of a training set, and those
of the test set are looked up: how often one of the three is of the same intent, if there is one among the 50; beside
the three last edits and beside three drawn by chance. No model is asked.

`python -m benchmarks.memory`
"""

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import semantic_cache
from benchmarks.sorting.letters import Text, banking77, bitext
from local.stack.places import Stop
from quadrille.config import Settings
from quadrille.examples import Example, ranked

_SEED = 7
_SETS = {"banking77": banking77, "bitext": bitext}
_HERE = Settings()


def main(arguments: list[str]) -> int | str:
    """Measure and print. Not 0 if the memory is no better than the last edits."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--letters", type=int, default=500, help="of each set (500)")
    parser.add_argument("--corpora", type=Path, default=semantic_cache.CORPORA, help="the folder of the corpora")
    given = parser.parse_args(arguments)
    print(f"\n{'set':<10} {'letters':>7}   {'nearest':>8} {'last':>7} {'chance':>7}   {'ms to find':>10}")
    try:
        better = [_measure(name, given.letters, given.corpora / "triage") for name in _SETS]
    except Stop as reason:
        return str(reason)
    return 0 if all(better) else 1


def _measure(name: str, most: int, folder: Path) -> bool:
    letters, chance = _SETS[name](folder, most), random.Random(_SEED)
    ways: dict[str, Callable[[str, list[Example]], Sequence[Example]]] = {
        "nearest": lambda question, examples: ranked(question, "", examples),
        "last": lambda _, examples: examples[::-1],
        "chance": lambda _, examples: chance.sample(examples, len(examples)),
    }
    hits: dict[str, list[bool]] = {way: [] for way in ways}
    took = []
    for letter in letters.test:
        examples = _edits(letters.train, chance)
        if letter.category not in {example.category for example in examples}:
            continue
        for way, find in ways.items():
            began = time.perf_counter()
            shown = find(letter.text, examples)[: _HERE.examples_shown]
            hits[way].append(letter.category in {example.category for example in shown})
            took += [time.perf_counter() - began] if way == "nearest" else []
    shares = {way: statistics.mean(found) for way, found in hits.items()}
    figures = f"{shares['nearest']:8.1%} {shares['last']:7.1%} {shares['chance']:7.1%}"
    print(f"{name:<10} {len(hits['last']):7}   {figures}   {statistics.median(took) * 1_000:10.2f}")
    return shares["nearest"] > shares["last"]


def _edits(train: Sequence[Text], chance: random.Random) -> list[Example]:
    drawn = chance.sample(train, _HERE.max_examples)
    return [Example(letter.text, f"About {letter.category}.", letter.category) for letter in drawn]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
