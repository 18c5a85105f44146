"""What an answer takes above the provider's own time, beside its peers; and whether what it quotes is there.

`python -m benchmarks.ask` measures the stack that runs, or one it starts and stops, with offline models only. Not 0 if
a call was not answered or a quote does not stand in its document. `--real` asks the providers whose keys are in .env.
"""

import argparse
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import local_stack, semantic_cache
from benchmarks.asking import first_token, overhead, quotes
from benchmarks.asking.library import Library
from benchmarks.bare_route import bare_route
from benchmarks.stack import Tenant, running_stack
from local.stack.places import Stop

PARTS = ("process", "stack", "first-token", "quotes")
_STREAMED = 4  # times fewer questions: the model takes its time there


def main(arguments: list[str]) -> int | str:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ask", description=__doc__)
    parser.add_argument("--questions", type=int, default=200, help="of each part but the quotes (200)")
    parser.add_argument("--answers", type=int, default=500, help="whose quotes are looked up (500)")
    parser.add_argument("--corpora", type=Path, default=semantic_cache.CORPORA, help="the folder of the corpora")
    parser.add_argument("--part", choices=PARTS, action="append", help="only this part; may be repeated")
    parser.add_argument("--real", action="store_true", help="with the providers whose keys are in .env; costs money")
    given = parser.parse_args(arguments)
    if not (2 * _STREAMED <= given.questions <= 1_000 and 1 <= given.answers <= 1_000):
        parser.error(f"there can be {2 * _STREAMED} to 1,000 questions, and 1 to 1,000 answers")
    print(f"\n{datetime.now(UTC):%Y-%m-%d}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores", end=", ")
    print(f"Python {platform.python_version()}, load of the last minute {os.getloadavg()[0]:.1f}", flush=True)
    try:
        with running_stack(real=given.real) as stack:
            return _measure(stack, given)
    except Stop as reason:
        return str(reason)


def _measure(stack: dict[str, Any], given: argparse.Namespace) -> int:
    tenant, library, wrong = Tenant(stack), Library.of(given.corpora), []
    done = tenant.ingest({name: text.encode() for name, text in library.texts.items()})
    if set(done.statuses) != {"ready"}:
        raise Stop(f"The documents are not ready: {dict(done.statuses)}. See: make logs")
    parts = given.part or PARTS
    if "process" in parts:
        for missed in overhead.measure(tenant, library, given.questions, real=given.real):
            print(f"a goal is missed: {missed}")
    if "stack" in parts:
        wrong += _through_the_gateway(tenant, library, given.questions)
    if "first-token" in parts:
        first_token.measure(tenant, library, given.questions // _STREAMED)
    if "quotes" in parts:
        wrong += quotes.measure(tenant, library, given.answers)
    print(f"\nload of the last minute {os.getloadavg()[0]:.1f}", *wrong, sep="\n")
    return 1 if wrong else 0


def _through_the_gateway(tenant: Tenant, library: Library, count: int) -> list[str]:
    """`POST /ask` beside a function that does nothing; calls that were not answered."""
    print(f"\nPOST /ask on the stack: {count} questions, each twice\n")
    with bare_route(tenant.stack):
        passes = local_stack.ask_twice(tenant.stack, library.questions[-count:])
    local_stack.print_passes(passes)
    statuses = {status for both in passes.values() for calls in both for status in calls.statuses}
    return [f"a call was answered with {status}" for status in statuses - {200}]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
