import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from quadrille.config import Price
from quadrille.errors import UnknownPrice
from quadrille.prices import Prices, Usage
from scripts.prices import TABLE, table

PRICES = Prices(
    {"m": Price(input=Decimal(2), output=Decimal(8), cached_input=Decimal("0.5"), cache_write=Decimal("2.5"))}
)


def test_the_shipped_table_is_what_the_pinned_package_says() -> None:
    assert json.loads(TABLE.read_text()) == table(), "run: make prices"


def test_the_templates_default_models_have_a_price() -> None:
    shipped = Prices({})
    assert shipped.cost("gpt-6-luna", Usage(1, 0)) > 0
    assert shipped.cost("gpt-6-luna", Usage(0, 1)) > 0
    assert shipped.cost("text-embedding-3-small", Usage(1)) > 0


def test_a_cost_counts_cached_and_cache_written_tokens_at_their_own_price() -> None:
    usage = Usage(input_tokens=1_000_000, output_tokens=500_000, cached_tokens=400_000, cache_write_tokens=100_000)
    assert PRICES.cost("m", usage) == Decimal("1.0") + Decimal("0.2") + Decimal("0.25") + Decimal("4.0")


def test_an_unknown_price_is_refused_with_a_word_on_where_to_set_it() -> None:
    with pytest.raises(UnknownPrice, match="PriceOverrides"):
        PRICES.ceiling("nobody-knows", request_bytes=1)


def test_an_override_wins_over_the_table() -> None:
    prices = Prices({"gpt-6-luna": Price(input=Decimal("9"))})
    assert prices.cost("gpt-6-luna", Usage(1_000_000)) == 9


@given(st.text(max_size=200), st.integers(0, 2_000), st.data())
def test_no_call_costs_more_than_its_ceiling(text: str, output: int, data: st.DataObject) -> None:
    size = len(text.encode())
    tokens = data.draw(st.integers(0, size))
    cached = data.draw(st.integers(0, tokens))
    written = data.draw(st.integers(0, tokens - cached))
    ceiling = PRICES.ceiling("m", request_bytes=size, output_tokens=output)
    assert PRICES.cost("m", Usage(tokens, output, cached, written)) <= ceiling


@pytest.mark.parametrize("call", [{"request_bytes": 0, "output_tokens": 1}, {"request_bytes": 1}], ids=str)
def test_a_price_with_a_hole_is_refused_and_not_taken_for_nothing(call: dict[str, int]) -> None:
    prices = Prices({"m": Price(input=Decimal(1)), "n": Price(output=Decimal(1))})
    with pytest.raises(UnknownPrice):
        prices.ceiling("m" if "output_tokens" in call else "n", **call)


def test_a_request_without_a_price_is_refused() -> None:
    with pytest.raises(UnknownPrice, match="requests"):
        Prices({"m": Price(input=Decimal(1))}).request("m")


def test_a_price_of_zero_is_a_price() -> None:
    assert Prices({"m": Price(input=Decimal(0))}).ceiling("m", request_bytes=9) == 0


@pytest.mark.parametrize("amount", ["-1", "0.0000000001", "1e30", "NaN", "Infinity"])
def test_a_price_that_makes_no_sense_is_refused_when_it_is_read(amount: str) -> None:
    with pytest.raises(ValidationError):
        Price(input=Decimal(amount))
