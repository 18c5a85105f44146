from decimal import Decimal

import pytest

from quadrille.money import dollars
from quadrille.receipts import Receipt


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0", "0"), ("0.0000001200", "0.00000012"), ("1E-9", "0.000000001"), ("12.50", "12.5"), ("100", "100")],
)
def test_money_is_a_plain_decimal_string(amount: str, text: str) -> None:
    assert dollars(Decimal(amount)) == text


def test_receipts_add_up_and_name_each_model_once() -> None:
    one = Receipt(cost_usd=Decimal("0.1"), calls=1, embedding_tokens=5, models=("e",))
    two = Receipt(saved_usd=Decimal("0.2"), calls=2, retries=1, output_tokens=7, models=("c", "e"))
    assert one + two == Receipt(
        cost_usd=Decimal("0.1"),
        saved_usd=Decimal("0.2"),
        calls=3,
        retries=1,
        output_tokens=7,
        embedding_tokens=5,
        models=("e", "c"),
    )


def test_a_receipt_survives_being_stored() -> None:
    receipt = Receipt(Decimal("0.00001"), Decimal("2"), 3, 1, 1, 10, 20, 30, ("a", "b"))
    assert Receipt.parse(receipt.public()) == receipt
