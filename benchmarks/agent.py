"""What an agent sends its model, and what a durable step takes: Quadrille beside three that append.

The same scripted model gives all of them the same work: pages of 2,000 to 6,000 characters to be read one by one, a
fact on every tenth, and all facts to be told in the end. Tokens are counted by the model's server, tools included;
*with a cache* the part that a request shares with the one before it counts a tenth. *Recalled* are the facts that stand
in the last request.

append      the loop one writes first: every message stays
langgraph   `create_agent` of LangChain on LangGraph, with its defaults
smolagents  `ToolCallingAgent`, with its defaults
quadrille   the deployed state machine and functions over AWS in this process, with the defaults

`python -m benchmarks.agent` makes the environment of the peers if it is not there.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime

from benchmarks.looping import append, ours
from benchmarks.looping.pages import facts
from benchmarks.looping.server import Run, Server, serving
from local import setup
from local.models.server_process import run_server
from local.stack.places import ROOT

PEERS = ("langgraph", "smolagents")
GOALS = {20: 0.6, 100: 0.3}  # of what append sends
FLAT = 0.05  # of the requests of a step, from the first hundred steps to the last
WINDOW = 100


def main(arguments: list[str]) -> int:
    """Measure and print. Not 0 if a goal is missed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.agent", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, nargs="+", default=[20, 50, 100], help="of a task (20 50 100)")
    parser.add_argument("--long", type=int, default=1_000, help="steps of the task whose steps are timed (1000)")
    given = parser.parse_args(arguments)
    if min(given.steps) < 2 or not 2 * WINDOW <= given.long <= 1_000:
        parser.error(f"a task has 2 steps or more, the long one {2 * WINDOW} to 1,000")
    if setup.main(["peers"]):
        return 1
    print(f"\n{datetime.now(UTC):%Y-%m-%d}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores", end=", ")
    print(f"Python {platform.python_version()}, load of the last minute {os.getloadavg()[0]:.1f}", flush=True)
    with run_server() as models, serving(models.removesuffix("/v1") + "/v1") as server:
        missed = _tokens(server, given.steps) + _steps(server, given.long)
    print(*missed, sep="\n")
    return 1 if missed else 0


def _tokens(server: Server, counts: list[int]) -> list[str]:
    """Print what is sent for tasks of so many steps; the goals that are missed."""
    missed = []
    head = f"{'steps':>5}  {'agent':<11} {'tokens':>9} {'x':>5} {'with a cache':>13} {'x':>5} {'largest':>8}"
    print(f"\n{head} {'recalled':>9}")
    for steps in counts:
        base: Run | None = None
        for name in ("append", *PEERS, "quadrille"):
            run = _run(server, name, steps)
            base = base or run
            raw, cached = run.sent / base.sent, run.discounted / base.discounted
            wanted = facts(run.pages)
            sent = f"{run.sent:9,} {raw:5.2f} {run.discounted:13,.0f} {cached:5.2f} {run.largest:8,}"
            print(f"{steps:5}  {name:<11} {sent} {len(run.known):4} of {len(wanted)}", flush=True)
            if name == "quadrille":
                missed += [f"{steps} steps: {raw:.2f} of what append sends"] if raw > GOALS.get(steps, raw) else []
                missed += [f"{steps} steps: a fact was forgotten"] if run.known != set(wanted) else []
    return missed


def _run(server: Server, name: str, steps: int) -> Run:
    """A task of so many steps, the last of which answers."""
    key = f"{name}-{steps}"
    run = server.runs[key] = Run(steps - 1)
    match name:
        case "append":
            append.run(server.url, key)
        case "quadrille":
            ours.run(server, key, steps)
        case _:
            module = f"benchmarks.looping.{name}_peer"
            python = setup.ON_DEMAND["peers"] / "bin/python"
            subprocess.run([python, "-m", module, server.url, key, str(steps)], cwd=ROOT, check=True)
    return run


def _steps(server: Server, steps: int) -> list[str]:
    """Print what the steps of one long task take; the goals that are missed."""
    key = "long"
    server.runs[key] = Run(steps - 1)
    began = time.perf_counter()
    sums = ours.run(server, key, steps).steps
    print(
        f"\none task of {len(sums)} steps, {time.perf_counter() - began:.0f} s; of a step, the mean of each hundred:\n"
    )
    print(f"{'steps':>10}  {'requests to AWS':>15} {'rows read':>10} {'own CPU':>10}")
    means = []
    for last in range(WINDOW, len(sums) + 1, WINDOW):
        first = sums[last - WINDOW]
        requests, rows, own = ((b - a) / (WINDOW - 1) for a, b in zip(first, sums[last - 1], strict=True))
        means.append((requests, rows, own))
        print(f"{last - WINDOW + 1:4} - {last:4} {requests:15.1f} {rows:10.1f} {own * 1000:7.1f} ms")
    slopes = [_slope([mean[place] for mean in means]) for place in range(3)]
    print(
        "from the first hundred to the last, by the line that fits: " + ", ".join(f"{slope:+.1%}" for slope in slopes)
    )
    return [f"a step's requests grow by {slopes[0]:.1%}"] if abs(slopes[0]) > FLAT else []


def _slope(values: list[float]) -> float:
    """How much the line through these values rises from its first to its last, as a part of their mean."""
    line = statistics.linear_regression(range(len(values)), values)
    return line.slope * (len(values) - 1) / statistics.mean(values)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
