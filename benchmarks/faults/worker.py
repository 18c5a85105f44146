"""A worker: one operating system process that handles deliveries until it is killed, and a parent that forks the next.
The parent has rehearsed a delivery and connected to nothing, so a restart costs milliseconds.

`python -m benchmarks.faults.worker <handler> <provider> <folder>` reads a JSON line a delivery and answers with one.
"""

import gc
import json
import os
import random
import signal
import sys
from importlib import import_module
from pathlib import Path
from typing import IO, Any

import boto3

from benchmarks.faults.clock import VirtualClock
from benchmarks.faults.interactions import Interactions
from benchmarks.faults.stage import SECONDS, Bookkeeper, Context, Handler, Stage
from benchmarks.faults.watch import Watch

Message = dict[str, Any]


class Worker:
    """A handler and the pipe to the driver."""

    def __init__(self, handler: Handler, stage: Stage, answers: IO[str]) -> None:
        self._handler, self._stage, self._answers = handler, stage, answers

    def serve(self) -> None:
        """Answer the driver until it hangs up."""
        while line := sys.stdin.readline():
            message = json.loads(line)
            if "billed_tokens" in message:
                assert isinstance(self._handler, Bookkeeper)
                self.answer(self._handler.books(message["billed_tokens"]))
            else:
                self._deliver(message)

    def answer(self, answer: Message) -> None:
        print(json.dumps(answer), file=self._answers, flush=True)

    def _deliver(self, message: Message) -> None:
        """Handle one message, which may be the end of this process."""
        random.seed(message["seed"])
        clock, interactions = self._stage.clock, self._stage.interactions
        clock.move_to(message["time"])
        interactions.begin({message["kill_at"]: self._die, message["pause_at"]: self._pause})
        try:
            self._handler.handle(message["unit"], message["text"], Context(message["time"] + SECONDS, clock))
        except Exception as error:  # noqa: BLE001 - as Lambda does: whatever is raised is delivered again
            self._report(type(error).__name__)
        else:
            self._report("done")

    def _die(self) -> None:
        self._report("killed")
        os.kill(os.getpid(), signal.SIGKILL)

    def _pause(self) -> None:
        """Stand still until the driver has let another worker pass."""
        self._report("paused")
        self._stage.clock.move_to(json.loads(sys.stdin.readline())["time"])

    def _report(self, outcome: str) -> None:
        stage = self._stage
        self.answer({"outcome": outcome, "time": stage.clock.now(), "trace": stage.interactions.trace})


def main(handler: str, provider: str, folder: str) -> int:
    """Fork a worker, and another one whenever it was killed. Its own end, or a failure of its own, ends this."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints does not reach the driver
    clock, interactions = VirtualClock(0.0), Interactions()
    watch = Watch(interactions)
    stage = Stage(boto3.client("dynamodb"), provider, Path(folder), clock, interactions)
    made: Handler = import_module(f"benchmarks.faults.{handler}_handler").make(stage)
    with watch.rehearsal():
        made.handle("rehearsal", "a text", Context(SECONDS, clock))
    gc.freeze()  # a collection would copy every page a fork shares
    worker = Worker(made, stage, answers)
    worker.answer({"ready": True})
    while True:
        child = os.fork()
        if not child:
            worker.serve()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
            return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
