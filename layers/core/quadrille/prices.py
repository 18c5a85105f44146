"""What a call costs: a pinned table of prices, and the overrides a deployer sets.

The table is written by `make prices` from the genai-prices package, which is too slow to import in a Lambda.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files

from quadrille.config import Price
from quadrille.errors import UnknownPrice

_MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Usage:
    """A provider's token counts of one call. Cached and cache-written tokens are part of `input_tokens`."""

    input_tokens: int
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices by model name, the deployer's overrides first."""

    overrides: Mapping[str, Price]

    def price(self, model: str) -> Price:
        """The price of `model`. Raises `UnknownPrice`."""
        found = self.overrides.get(model) or _table().get(model)
        if found is None:
            raise UnknownPrice(model)
        return found

    def cost(self, model: str, usage: Usage) -> Decimal:
        """US dollars for one call."""
        price = self.price(model)
        fresh = usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens
        cached = price.input if price.cached_input is None else price.cached_input
        written = price.input if price.cache_write is None else price.cache_write
        total = (
            fresh * price.input
            + usage.cached_tokens * cached
            + usage.cache_write_tokens * written
            + usage.output_tokens * price.output
        )
        return total / _MILLION

    def ceiling(self, model: str, *, request_bytes: int, output_tokens: int = 0) -> Decimal:
        """The most one call can cost, in US dollars.

        A byte-level tokenizer never makes more tokens than there are bytes, so this needs no tokenizer and is never
        too low. What was reserved above the actual cost comes back when the call is settled.
        """
        price = self.price(model)
        dearest = max(price.input, price.cache_write or price.input)
        return (request_bytes * dearest + output_tokens * price.output) / _MILLION


@cache
def _table() -> dict[str, Price]:
    shipped = json.loads(files("quadrille").joinpath("prices.json").read_text())
    return {model: Price.model_validate(row) for model, row in shipped["usd_per_million_tokens"].items()}
