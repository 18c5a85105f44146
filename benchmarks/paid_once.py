"""Who pays once under fire: Quadrille's ledger beside three peers, over the same messages with the same faults.

A message is one text to embed and one effect to publish. 10 % of the messages are delivered twice (late, while a
killed delivery is hidden, or to two workers at once), 10 % of the deliveries are killed (SIGKILL, before or after any
request), 5 % of the provider's replies are lost after the bill.

naive           the openai client with its defaults, two silent retries, then the effect; nothing is remembered
powertools      the same under `idempotent_function` of Powertools for AWS Lambda: DynamoDB, keyed by the message's
                unit, the Lambda context registered
langchain       `index()` with a record manager (SQLite) and `CacheBackedEmbeddings` over a file store, the client's
                defaults; its state is on one disk, which no kill takes away and which all workers share
quadrille       `Models.embed` through `Ledger.pay`, the result in the call's row; DynamoDB
quadrille_blob  the same, called as the stage embed does: the result in the bucket; DynamoDB and S3

`python -m benchmarks.paid_once` makes the environment of the peers if it is not there. One seed, one result.
"""

import argparse
import os
import platform
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from benchmarks.faults.driver import run
from benchmarks.faults.outcome import Outcome
from benchmarks.faults.report import print_books, print_ends, print_table
from local import setup

HANDLERS = ("naive", "powertools", "langchain", "quadrille", "quadrille_blob")
_AT_ONCE = 2


def main(arguments: list[str]) -> int:
    """Run and print. Not 0 if Quadrille misses one of its goals."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.paid_once", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=20_000, help="how many each handler gets (20000)")
    parser.add_argument("--seed", type=int, default=1, help="of every fault (1)")
    parser.add_argument("--handlers", nargs="+", choices=HANDLERS, default=HANDLERS, help="which run (all)")
    given = parser.parse_args(arguments)
    if given.messages < 1:
        parser.error("one message is the least")
    if "langchain" in given.handlers and setup.main(["peers"]):
        return 1
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    began = time.monotonic()

    def progress(line: str) -> None:
        print(f"{time.monotonic() - began:7.1f} s  {line}", flush=True)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        runs = [
            pool.submit(run, name, messages=given.messages, seed=given.seed, progress=progress)
            for name in given.handlers
        ]
    return _print([finished.result() for finished in runs])


def _print(outcomes: list[Outcome]) -> int:
    print_table(outcomes)
    print_ends(outcomes)
    missed = []
    for outcome in outcomes:
        if outcome.books:
            print_books(outcome)
            missed += [f"{outcome.handler} misses a goal: {miss}" for miss in outcome.misses()]
    print("\n".join(missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
