"""Letters with the categories people gave them: banking77, Bitext, and mails of SpamAssassin."""

import csv
import json
import random
from dataclasses import dataclass
from pathlib import Path

from local.stack.places import Stop
from quadrille.errors import TooLarge, Unreadable
from quadrille.ingest.reading import Limits, opening
from quadrille.ingest.reading.quotes import split

_SEED = 7
_LIMITS = Limits(pages=1, characters=20_000_000)
_BITEXT = "bitext/Bitext_Sample_Customer_Service_{}_Dataset.csv"


@dataclass(frozen=True, slots=True)
class Text:
    subject: str
    text: str
    category: str

    @property
    def whole(self) -> str:
        return f"{self.subject}\n{self.text}".strip()


@dataclass(frozen=True, slots=True)
class Letters:
    """A set: what a peer may learn from, what is to be sorted, and into what."""

    train: list[Text]
    test: list[Text]
    categories: list[str]


def banking77(folder: Path, most: int) -> Letters:
    """A fifth of the published training part is kept back, for its test part is not among the corpora."""
    rows = [Text("", row["text"], row["category"]) for row in _rows(folder / "banking77/train.csv")]
    random.Random(_SEED).shuffle(rows)
    kept = len(rows) // 5
    names = json.loads((folder / "banking77/categories.json").read_text())
    return Letters(rows[kept:], rows[:kept][:most], names)


def bitext(folder: Path, most: int) -> Letters:
    """As it was published: a training and a testing part."""
    train, test = ([_uttered(row) for row in _rows(folder / _BITEXT.format(part))] for part in ("Training", "Testing"))
    random.Random(_SEED).shuffle(test)
    return Letters(train, test[:most], sorted({text.category for text in train}))


def mails(folder: Path, most: int) -> list[Text]:
    """Spam and ham, opened as the mailroom does, in an order that has both everywhere."""
    found = []
    for kind, name in (("spam-1", "spam"), ("easy-ham-1", "ham")):
        for path in sorted((folder / "spamassassin" / kind).glob("*.eml")):
            try:
                mail = opening.read(path.read_bytes(), _LIMITS)
            except (Unreadable, TooLarge):
                continue
            found.append(Text(mail.headers.get("subject", ""), split(mail.content.text[:40_000]).text[:20_000], name))
    random.Random(_SEED).shuffle(found)
    return found[:most]


def _uttered(row: dict[str, str]) -> Text:
    return Text("", row["utterance"], row["intent"])


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        raise Stop(f"There is no {path}. Name the folder of the corpora with --corpora.")
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
