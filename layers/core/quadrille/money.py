"""Money in words: US dollars as people and JSON read them."""

from decimal import Decimal


def dollars(amount: Decimal) -> str:
    """A plain decimal string: never an exponent, never trailing zeros."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def plain(amount: Decimal) -> Decimal:
    """The same amount without zeros behind it and without an exponent, as `0e-400` has one."""
    return Decimal(dollars(amount.normalize()))
