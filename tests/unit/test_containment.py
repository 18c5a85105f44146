"""What a file may do to its reader, and what comes of it. The readers here are the real ones, in real children."""

import os
from collections.abc import Iterator

import pytest

from quadrille.errors import RetryLater, TooLarge, Unreadable
from quadrille.ingest.reading import Limits
from quadrille.ingest.reading.contained import Reader

LIMITS = Limits(pages=100, characters=10_000_000, seconds=20)
# A reader that does what its file says: a stand-in for a parser that the file has taken over.
_OBEDIENT = """
import sys
from quadrille.ingest.reading import formats
def read(data, filename, limits):
    exec(data)
    return formats.Extracted("survived")
formats.read = read
"""


@pytest.fixture(scope="module")
def obedient() -> Iterator[Reader]:
    """A reader whose children run what they are given."""
    import quadrille.ingest.reading.contained as contained

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(contained, "_MAIN", contained._MAIN.replace("from quad", f"exec({_OBEDIENT!r}); from quad", 1))
        reader = Reader()
        reader.read(b"pass", "x", LIMITS)
        yield reader
        reader.close()


@pytest.mark.parametrize(
    ("attack", "refusal", "words"),
    [
        ("while True: pass", TooLarge, "longer than 1 s"),
        ("import time; time.sleep(60)", TooLarge, "longer than 1 s"),
        ("x = bytearray(900_000_000)", TooLarge, "more than 256 MB of memory"),
        ("x = []\nwhile True: x.append(bytes(100_000))", TooLarge, "more than 256 MB of memory"),
        ("import ctypes; ctypes.string_at(0)", Unreadable, "crashes its reader .SIGSEGV"),
        ("import os; os.abort()", Unreadable, "crashes its reader .SIGABRT"),
        ("import os; os._exit(0)", Unreadable, "nothing that makes sense"),
        ("raise KeyError('odd')", Unreadable, "damaged and cannot be read .KeyError"),
        ("f = lambda f: f(f)\nf(f)", Unreadable, "RecursionError"),
    ],
    ids=["endless loop", "sleep", "memory", "slow memory", "segfault", "abort", "exit", "odd error", "recursion"],
)
def test_what_a_file_does_to_its_reader_ends_as_a_verdict(
    obedient: Reader, attack: str, refusal: type[Exception], words: str
) -> None:
    with pytest.raises(refusal, match=words):
        obedient.read(attack.encode(), "x", Limits(pages=1, characters=1000, seconds=1, memory=256 * 1024**2))


def test_after_an_attack_the_next_file_is_read(obedient: Reader) -> None:
    with pytest.raises(Unreadable):
        obedient.read(b"import os; os.abort()", "x", LIMITS)
    assert obedient.read(b"pass", "x", LIMITS).text == "survived"


def test_a_reader_inherits_no_secret_and_no_connection(obedient: Reader) -> None:
    assert "AWS_SECRET_ACCESS_KEY" in os.environ
    given = {"LD_LIBRARY_PATH", "LC_CTYPE", "OMP_THREAD_LIMIT"}
    spy = f"import os; raise KeyError if set(os.environ) - {given} else ValueError"
    with pytest.raises(Unreadable, match="ValueError"):
        obedient.read(spy.encode(), "x", LIMITS)
    open_files = "import os; raise KeyError if len(os.listdir('/proc/self/fd')) > 6 else ValueError"
    with pytest.raises(Unreadable, match="ValueError"):
        obedient.read(open_files.encode(), "x", LIMITS)


def test_a_reader_that_is_lost_between_files_is_started_again(obedient: Reader) -> None:
    assert obedient._process
    obedient._process.kill()
    obedient._process.wait()
    assert obedient.read(b"pass", "x", LIMITS).text == "survived"


def test_a_reader_that_is_lost_with_a_file_makes_the_file_come_again(obedient: Reader) -> None:
    with pytest.raises(RetryLater):
        obedient.read(b"import os, time; os.kill(os.getppid(), 9); time.sleep(5)", "x", LIMITS)
    assert obedient.read(b"pass", "x", LIMITS).text == "survived"


def test_a_child_cannot_hide_from_its_parent(obedient: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quadrille.ingest.reading.contained._GRACE", 0.5)
    hide = "import signal, time; signal.setitimer(signal.ITIMER_REAL, 0); time.sleep(60)"
    with pytest.raises(TooLarge, match="longer than 1 s"):
        obedient.read(hide.encode(), "x", Limits(pages=1, characters=1000, seconds=1))
    assert obedient.read(b"pass", "x", LIMITS).text == "survived"
