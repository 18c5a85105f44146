"""What an answer takes of the process that gives it, beside LangChain, LlamaIndex and Haystack."""

import statistics
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack

from benchmarks.asking.children import PEERS, Child, ours, peer
from benchmarks.asking.library import Library
from benchmarks.extraction import row
from benchmarks.stack import Tenant

_PEERS = {"LangChain": "langchain_peer", "LlamaIndex": "llamaindex_peer", "Haystack": "haystack_peer"}
_OURS, _PLAIN, _HIT = "Quadrille", "by meaning alone, as the peers", "the same question again"
_GOALS = {_OURS: 3.0, _HIT: 2.0}  # milliseconds of own CPU
Taken = dict[str, dict[str, list[float]]]

_FIGURES = ("wall", "waiting_for_nobody", "cpu", "own_cpu")
_WARM_UP = 5
_NOTE = """
All of them answer each question in turn, in warm processes, out of the same documents, the same index and the same
offline models, with the same top_k. "no request" is the wall time in which none was under way, the clients' own work
included; CPU is that of all threads, and "own CPU" what is left of it without the clients (openai, pinecone, boto3).
Quadrille searches twice, reranks 100 candidates, checks budgets and quotes, and keeps each paid call and the answer in
a ledger: most of its requests are DynamoDB's. The peers embed, search once and chat, and do none of the rest.
"""


def measure(tenant: Tenant, library: Library, count: int, *, real: bool) -> list[str]:
    """Ask everybody and print; the goals that are missed. Real providers are asked by ours alone."""
    questions = library.questions[: count + _WARM_UP]
    print(f"\nAn answer in process: {count} questions, milliseconds\n")
    with ExitStack() as stack:
        children = {_OURS: stack.enter_context(ours(tenant, "ours", "hybrid"))}
        if not real:
            children[_PLAIN] = stack.enter_context(ours(tenant, "ours", "dense"))
        if not real and PEERS.exists():
            children |= {name: stack.enter_context(peer(tenant.stack, module)) for name, module in _PEERS.items()}
            for child in children.values():
                child.index(library.texts)
        taken = _ask_in_turn(children, questions)
        taken[_HIT] = _ask_in_turn({_HIT: children[_OURS]}, questions)[_HIT]
    _print(taken)
    if not real and not PEERS.exists():
        print("\nPeers: not measured. python3 local/setup.py peers makes their environment.")
    print(_NOTE)
    medians = {name: at(taken[name]["own_cpu"], 50) for name in _GOALS}
    over = {name: most for name, most in _GOALS.items() if medians[name] > most}
    return [f"{name}: {medians[name]:.1f} ms of own CPU, where {most} are the goal" for name, most in over.items()]


def at(figures: Sequence[float], percent: int) -> float:
    """A percentile."""
    return statistics.quantiles(figures, n=100, method="inclusive")[percent - 1]


def _ask_in_turn(children: dict[str, Child], questions: Sequence[str]) -> Taken:
    taken: Taken = defaultdict(lambda: defaultdict(list))
    for number, question in enumerate(questions):
        for name, child in children.items():
            answer = child.ask(question)
            if number >= _WARM_UP:
                for figure in (*_FIGURES, "requests"):
                    taken[name][figure].append(answer[figure])
    return taken


def _print(taken: Taken) -> None:
    row("", "wall", "p99", "no request", "p99", "CPU", "p99", "own CPU", "p99", "requests")
    order = [name for name in (_OURS, _HIT, _PLAIN, *_PEERS) if name in taken]
    for name in order:
        figures = taken[name]
        cells = [f"{at(figures[figure], percent):.1f}" for figure in _FIGURES for percent in (50, 99)]
        row(name, *cells, f"{at(figures['requests'], 50):.0f}")
