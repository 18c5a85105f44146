"""What the stages that pay share: a call paid in vain too often is sent anew once somebody asks for a retry."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from quadrille.calls import Payer
from quadrille.errors import ResultLost, Unanswered

T = TypeVar("T")


def paid(call: Callable[[Payer], T], payer: Payer, retries: int) -> T:
    """The result of `call`. What was paid in vain too often, or lost, is another call after each retry of its document.

    The earlier ones are asked first: what one of them paid for is not bought again.
    """
    for number in range(retries):
        with suppress(ResultLost, Unanswered):
            return call(_nth(payer, number))
    return call(_nth(payer, retries))


def _nth(payer: Payer, retry: int) -> Payer:
    return replace(payer, identity=f"retry {retry}") if retry else payer
