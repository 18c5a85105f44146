"""The baseline: TF-IDF of words and pairs of words, and logistic regression, trained on thousands of labelled texts.

Reads `[{"train": [[text, label]], "test": [text]}]` and writes the labels of each test.
"""

import json
import sys

from sklearn.feature_extraction.text import TfidfVectorizer  # type: ignore[import-not-found]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-not-found]
from sklearn.pipeline import make_pipeline  # type: ignore[import-not-found]


def main() -> None:
    answers = []
    for given in json.load(sys.stdin):
        texts, labels = zip(*given["train"], strict=True)
        model = make_pipeline(
            TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(C=10, max_iter=1_000)
        )
        answers.append([str(label) for label in model.fit(texts, labels).predict(given["test"])])
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
