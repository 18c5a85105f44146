"""How often letters are sorted right: the real `classify`, beside TF-IDF and logistic regression in the same run.

The baseline has learnt from labelled letters, thousands of them for banking77 and Bitext. `classify` has seen none: it
is told the names of the categories, and for mails the default desk's descriptions; what is not spam there is ham. The
offline model compares words. `--real` asks OpenAI with the key in .env instead. *F1* is the mean over the categories.

`python -m benchmarks.triage` makes the environment of the baseline if it is not there.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import semantic_cache
from benchmarks.sorting import ours
from benchmarks.sorting.letters import Letters, Text, banking77, bitext, mails
from local import setup
from local.stack.places import ROOT, Stop
from quadrille.desks import Category, DeskSettings

_FOLDS = 5
_SETS = {"banking77": banking77, "bitext": bitext}


def main(arguments: list[str]) -> int | str:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.triage", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--letters", type=int, default=500, help="of banking77 and of Bitext each (500)")
    parser.add_argument("--mails", type=int, default=200, help="of SpamAssassin at most (200)")
    parser.add_argument("--corpora", type=Path, default=semantic_cache.CORPORA, help="the folder of the corpora")
    parser.add_argument("--real", action="store_true", help="with OpenAI and the key in .env; costs money")
    given = parser.parse_args(arguments)
    if not (10 <= given.letters <= 10_000 and _FOLDS <= given.mails <= 10_000):
        parser.error(f"there can be 10 to 10,000 letters, and {_FOLDS} to 10,000 mails")
    if setup.main(["peers"]):
        return 1
    print(f"\n{datetime.now(UTC):%Y-%m-%d}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores", end=", ")
    print(f"Python {platform.python_version()}, load of the last minute {os.getloadavg()[0]:.1f}\n", flush=True)
    try:
        _measure(given, given.corpora / "triage")
    except Stop as reason:
        return str(reason)
    return 0


def _measure(given: argparse.Namespace, folder: Path) -> None:
    sets = {name: load(folder, given.letters) for name, load in _SETS.items()}
    post = mails(folder, given.mails)
    folds = [
        Letters([text for at, text in enumerate(post) if at % _FOLDS != fold], post[fold::_FOLDS], [])
        for fold in range(_FOLDS)
    ]
    baseline = _learnt([*sets.values(), *folds])
    print(f"{'set':<14} {'categories':>10} {'letters':>7}   {'sorted by':<11} {'right':>6} {'F1':>6}  {'cost':>9}")
    with ours.sorting(real=given.real) as sort:
        for (name, letters), learnt in zip(sets.items(), baseline, strict=False):
            desk = DeskSettings(categories=tuple(Category(name=each) for each in letters.categories))
            found, cost = sort(letters.test, desk)
            _print(name, letters.test, len(letters.categories), {"TF-IDF + LR": learnt, "classify": found}, cost)
        tested = [text for fold in folds for text in fold.test]
        found, cost = sort(tested, DeskSettings())
    learnt = [label for labels in baseline[len(sets) :] for label in labels]
    verdicts = ["spam" if label == "spam" else "ham" for label in found]
    _print("spamassassin", tested, 2, {"TF-IDF + LR": learnt, "classify": verdicts}, cost)


def _learnt(sets: Sequence[Letters]) -> list[list[str]]:
    """What the baseline makes of each set."""
    given = [
        {
            "train": [[text.whole, text.category] for text in letters.train],
            "test": [text.whole for text in letters.test],
        }
        for letters in sets
    ]
    python = setup.ON_DEMAND["peers"] / "bin/python"
    done = subprocess.run(
        [python, "-m", "benchmarks.sorting.tfidf_peer"],
        cwd=ROOT,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
    )
    answers: list[list[str]] = json.loads(done.stdout)
    return answers


def _print(name: str, texts: Sequence[Text], categories: int, found: dict[str, list[str]], cost: object) -> None:
    gold = [text.category for text in texts]
    for who, labels in found.items():
        right = sum(one == other for one, other in zip(gold, labels, strict=True)) / len(gold)
        paid = f"${cost:9.4f}" if who == "classify" else ""
        print(f"{name:<14} {categories:10} {len(gold):7}   {who:<11} {right:6.3f} {_f1(gold, labels):6.3f}  {paid}")
    print(flush=True)


def _f1(gold: Sequence[str], found: Sequence[str]) -> float:
    """The mean of each category's F1, of those there are."""
    said, true = Counter(found), Counter(gold)
    hits = Counter(one for one, other in zip(gold, found, strict=True) if one == other)
    return sum(2 * hits[name] / (said[name] + true[name]) for name in true) / len(true)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
