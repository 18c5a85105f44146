"""A receipt: what one answer or one document cost, and what having paid before saved it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from quadrille.errors import QuadrilleError
from quadrille.money import dollars


@dataclass(frozen=True, slots=True)
class Receipt:
    """Sums of paid calls. Tokens are the provider's counts; money is US dollars.

    `written_off_usd` is the part of the cost that was lost by workers before this one; it is not shown apart.
    """

    cost_usd: Decimal = Decimal(0)
    saved_usd: Decimal = Decimal(0)
    calls: int = 0
    retries: int = 0
    ambiguous: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    embedding_tokens: int = 0
    models: tuple[str, ...] = ()
    written_off_usd: Decimal = Decimal(0)

    def __add__(self, other: "Receipt") -> "Receipt":
        """Both together; each model is named once, in order of first use."""
        sums = {f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self) if f.name != "models"}
        return Receipt(**sums, models=tuple(dict.fromkeys(self.models + other.models)))

    def public(self) -> dict[str, Any]:
        """The receipt of the HTTP contract; also how a receipt is stored in a table row."""
        return {
            "cost_usd": dollars(self.cost_usd),
            "saved_usd": dollars(self.saved_usd),
            "calls": self.calls,
            "retries": self.retries,
            "ambiguous": self.ambiguous,
            "tokens": {"input": self.input_tokens, "output": self.output_tokens, "embedding": self.embedding_tokens},
            "models": list(self.models),
        }

    @classmethod
    def parse(cls, stored: dict[str, Any]) -> "Receipt":
        """The receipt that `public` wrote."""
        return cls(
            cost_usd=Decimal(stored["cost_usd"]),
            saved_usd=Decimal(stored["saved_usd"]),
            calls=int(stored["calls"]),
            retries=int(stored["retries"]),
            ambiguous=int(stored["ambiguous"]),
            input_tokens=int(stored["tokens"]["input"]),
            output_tokens=int(stored["tokens"]["output"]),
            embedding_tokens=int(stored["tokens"]["embedding"]),
            models=tuple(stored["models"]),
        )


@contextmanager
def added_to(paid: Receipt) -> Iterator[None]:
    """An error raised in here carries what was paid before it, beside what it cost itself."""
    try:
        yield
    except QuadrilleError as error:
        error.receipt = paid + (error.receipt or Receipt())
        raise
