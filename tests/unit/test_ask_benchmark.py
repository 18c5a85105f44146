"""What benchmarks/ask.py counts as own work, and what it asks."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmarks.asking.library import Library
from benchmarks.asking.meter import Spans


def test_requests_at_the_same_time_are_taken_off_once():
    spans = Spans(times=[(1.0, 3.0), (2.0, 4.0), (2.5, 2.6), (6.0, 6.5)])
    assert spans.covered() == pytest.approx(3.5)


def test_a_request_within_a_request_is_one():
    spans = Spans()
    with spans.span(), spans.span():
        pass
    assert len(spans.times) == len(spans.cpu) == 1


def test_requests_of_two_threads_are_two():
    spans = Spans()

    def wait() -> None:
        with spans.span():
            time.sleep(0.05)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(wait) for _ in range(2)]:
            done.result()
    assert len(spans.times) == 2
    assert sum(spans.cpu) < 0.05 <= spans.covered()


def test_what_fails_is_counted_and_the_next_is_too():
    spans = Spans()
    for _ in range(2):
        with pytest.raises(OSError, match="gone"), spans.span():
            raise OSError("gone")
    assert len(spans.times) == 2


def test_without_the_corpora_there_are_questions_that_the_made_documents_answer(tmp_path):
    library = Library.of(tmp_path)
    assert len(set(library.questions)) == len(library.questions) > 1_000
    words = library.questions[500].split()
    subject = next(word for word in words if "-" in word)
    assert sum(f" {subject} " in text for text in library.texts.values()) == 1
