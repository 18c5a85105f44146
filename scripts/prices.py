"""Writes the price table the layer ships, out of the pinned genai-prices: `make prices`.

The package takes most of a second to import; the table it boils down to is a small JSON file.
"""

import json
import re
import sys
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

from genai_prices import data_snapshot
from genai_prices.types import ConditionalPrice, ModelPrice, TieredPrices

# Of a page, for the first million of a month in most regions: Amazon's price list of 2026-11.
TEXTRACT = {"textract-detect-document-text": {"request": "0.0015"}}
TABLE = Path(__file__).parents[1] / "layers/core/quadrille/prices.json"


def base(price: Decimal | TieredPrices | None) -> str | None:
    """The price per million tokens below the first tier: our requests stay under it by their limits."""
    amount = price.base if isinstance(price, TieredPrices) else price
    return None if amount is None else format(Decimal(amount).normalize(), "f")


def current(prices: ModelPrice | list[ConditionalPrice]) -> ModelPrice:
    """The newest of a model's dated prices."""
    return prices[-1].prices if isinstance(prices, list) else prices


def table() -> dict[str, Any]:
    """Every OpenAI model that is billed by input tokens, and Textract.

    The date is the newest verification the package records.
    """
    snapshot = data_snapshot.get_snapshot()
    openai = next(provider for provider in snapshot.providers if provider.id == "openai")
    models: dict[str, dict[str, str]] = {}
    for model in openai.models:
        price = current(model.prices)
        row = {
            "input": base(price.input_mtok),
            "output": base(price.output_mtok),
            "cached_input": base(price.cache_read_mtok),
            "cache_write": base(price.cache_write_mtok),
        }
        if row["input"] is not None:
            models[model.id] = {name: amount for name, amount in row.items() if amount is not None}
    return {
        "source": f"genai-prices {version('genai-prices')}",
        "date": max(re.findall(r"\b20\d\d-\d\d-\d\d\b", " ".join(m.price_comments or "" for m in openai.models))),
        "usd_per_million_tokens": models | TEXTRACT,
    }


if __name__ == "__main__":
    TABLE.write_text(json.dumps(table(), indent=1, ensure_ascii=False) + "\n")
    sys.stdout.write(f"wrote {TABLE.name}\n")
