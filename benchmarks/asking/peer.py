"""One end of a pipe: takes documents, then questions, as lines of JSON, and says what each answer took."""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Protocol

from benchmarks.asking.meter import Meter

PROMPT = "Answer the question out of the sources only."
TOP_K = 8


class Answerer(Protocol):
    """What answers questions out of documents, in its usual in-process form."""

    def index(self, texts: Mapping[str, str]) -> None: ...

    def ask(self, question: str) -> str: ...


def serve(make: Callable[[], Answerer]) -> None:
    """Answer until the pipe is closed. Standard output is the pipe, so what libraries print goes to standard error."""
    pipe, sys.stdout = sys.stdout, sys.stderr
    meter, answerer = Meter(), make()
    for line in sys.stdin:
        given: dict[str, Any] = json.loads(line)
        done: Any = None
        if "texts" in given:
            answerer.index(given["texts"])
        else:
            answer, taken = meter.measure(lambda: answerer.ask(given["question"]))  # noqa: B023  it is called at once
            done = {"answer": answer, **asdict(taken)}
        print(json.dumps(done), file=pipe, flush=True)
