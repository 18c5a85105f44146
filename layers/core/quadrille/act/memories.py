"""What agents of a tenant have noted: vectors in a namespace of its own, found by meaning."""

import hashlib
from datetime import UTC, datetime

from quadrille.act.tooling import Use, Workbench
from quadrille.llm import Embeddings
from quadrille.purposes import MEMORY
from quadrille.receipts import Receipt, added_to
from quadrille.vectors import Record, floats, memories

FACT_CHARACTERS = 1_000
_FOUND = 8


def keep(fact: str, use: Use, bench: Workbench) -> Receipt:
    """Keep a fact, and give what that cost. The same fact of a tenant is kept once, however often it is noted."""
    embedded = _embedded(fact, use, bench)
    about = {"fact": fact, "task_id": use.task_id, "on": datetime.fromtimestamp(bench.now(), UTC).date().isoformat()}
    record = Record(hashlib.sha256(f"{use.tenant}\n{fact}".encode()).hexdigest(), floats(embedded.packed), about)
    with added_to(embedded.receipt):
        bench.vectors().upsert(memories(use.tenant), [record])
    return embedded.receipt


def find(query: str, use: Use, bench: Workbench) -> tuple[list[dict[str, str]], Receipt]:
    """The facts nearest to a query, each with the day it was noted, and what finding them cost."""
    embedded = _embedded(query, use, bench)
    with added_to(embedded.receipt):
        matches = bench.vectors().query(memories(use.tenant), floats(embedded.packed), top_k=_FOUND, where={})
    facts = [{"fact": match.metadata["fact"], "noted": match.metadata["on"]} for match in matches]
    return facts, embedded.receipt


def _embedded(text: str, use: Use, bench: Workbench) -> Embeddings:
    return bench.models().embed([text], use.payer, purpose=MEMORY)
