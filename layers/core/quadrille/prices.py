"""What a call costs: a pinned table of prices, and the overrides a deployer sets.

The table is written by `make prices` from the genai-prices package, which is too slow to import in a Lambda.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

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

    def cost(self, model: str, usage: Usage) -> Decimal:
        """US dollars for one call. Raises `UnknownPrice`."""
        price = self._price(model)
        cached = price.input if price.cached_input is None else price.cached_input
        written = price.input if price.cache_write is None else price.cache_write
        fresh = max(0, usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens)
        tokens = (
            (fresh, price.input, "input"),
            (usage.cached_tokens, cached, "cached input"),
            (usage.cache_write_tokens, written, "cached input"),
            (usage.output_tokens, price.output, "output"),
        )
        return (price.request or Decimal(0)) + sum((_part(model, *part) for part in tokens), Decimal(0))

    def ceiling(self, model: str, *, request_bytes: int, output_tokens: int = 0) -> Decimal:
        """The most one call can cost, in US dollars. Raises `UnknownPrice`.

        A byte-level tokenizer never makes more tokens than there are bytes, so this needs no tokenizer and is never
        too low. What was reserved above the actual cost comes back when the call is settled.
        """
        price = self._price(model)
        rates = [rate for rate in (price.input, price.cached_input, price.cache_write) if rate is not None]
        dearest = max(rates) if price.input is not None else None
        tokens = ((request_bytes, dearest, "input"), (output_tokens, price.output, "output"))
        return (price.request or Decimal(0)) + sum((_part(model, *part) for part in tokens), Decimal(0))

    def request(self, model: str) -> Decimal:
        """US dollars for one request of a model that is billed by the request. Raises `UnknownPrice`."""
        price = self._price(model).request
        if price is None:
            raise UnknownPrice(model, "requests")
        return price

    def knows(self, model: str) -> bool:
        """Whether a model has a price of any kind."""
        return bool(self.overrides.get(model) or _row(model))

    def _price(self, model: str) -> Price:
        found = self.overrides.get(model) or _row(model)
        if found is None:
            raise UnknownPrice(model, "tokens")
        return found if isinstance(found, Price) else Price.model_validate(found)


def _part(model: str, tokens: int, rate: Decimal | None, name: str) -> Decimal:
    """What so many tokens cost at a rate per million."""
    if tokens and rate is None:
        raise UnknownPrice(model, name)
    return tokens * (rate or Decimal(0)) / _MILLION


def origin() -> dict[str, str]:
    """Where the shipped prices come from, and of which date they are."""
    shipped = _shipped()
    return {"source": shipped["source"], "date": shipped["date"]}


def _row(model: str) -> Any:
    """The shipped row of a model. It is checked when it is used, so that a bad one harms no other."""
    return _shipped()["usd_per_million_tokens"].get(model)


@cache
def _shipped() -> dict[str, Any]:
    shipped: dict[str, Any] = json.loads(files("quadrille").joinpath("prices.json").read_text())
    return shipped
