"""What the stages that pay share: a call paid in vain too often is sent anew once somebody asks for a retry."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from quadrille.calls import Payer
from quadrille.errors import ResultLost, Unanswered

T = TypeVar("T")


def paid(call: Callable[[Payer], T], payer: Payer, retries: int) -> T:
    """The result of `call`. After `Unanswered` or `ResultLost` it is another call, if its document has been retried."""
    try:
        return call(payer)
    except (ResultLost, Unanswered):
        if not retries:
            raise
        return call(replace(payer, identity=f"retry {retries}"))
