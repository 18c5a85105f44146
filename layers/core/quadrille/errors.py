"""One error tree. `RetryLater` is what another try may cure; every other error here is final.

`http.py` alone turns them into status codes; a pipeline stage turns the final ones into a document's status.
"""

from decimal import Decimal
from typing import TYPE_CHECKING

from quadrille.money import dollars

if TYPE_CHECKING:
    from quadrille.receipts import Receipt


class QuadrilleError(Exception):
    """The root of everything this package raises on purpose. `receipt` is what was paid before it was raised."""

    receipt: "Receipt | None" = None


class RetryLater(QuadrilleError):
    """The same call may succeed in `seconds`: a busy twin, a throttle, a provider that is down."""

    def __init__(self, reason: str, *, seconds: float = 1.0) -> None:
        super().__init__(reason)
        self.seconds = seconds


class NotYet(RetryLater):
    """A message whose turn comes later: it was looked at and not tried."""


class Parked(QuadrilleError):
    """An event that nobody here can read, or that must not go further; it is kept and counted."""


class Busy(RetryLater):
    """Nothing was begun: a rate limit, an open circuit, money that is only reserved. Waiting is no failed try."""


class TooMany(Busy):
    """As many of a kind are under way as a tenant may have at once."""


class AmbiguousCall(RetryLater):
    """A paid request left and no reply came: counted as spent, because it may have been billed."""

    def __init__(self, reason: str, *, receipt: "Receipt | None" = None) -> None:
        super().__init__(reason)
        self.receipt = receipt


class Abandoned(QuadrilleError):
    """Nobody waits for the reply any more: its reader is gone, or has cancelled."""


class Unanswered(QuadrilleError):
    """A call was sent as often as its purpose allows, and no reply ever came."""

    def __init__(self, *, sends: int) -> None:
        super().__init__(
            f"This call was sent to the model provider {sends} times and no reply was recorded. Each may have been "
            "billed, so it is not sent again."
        )


class DeadlineExceeded(QuadrilleError):
    """There was not enough time left to begin, or to finish, a paid call."""


class CutOff(QuadrilleError):
    """A model's reply ended at its limit of tokens, in the middle."""

    def __init__(self, limit: int, *, receipt: "Receipt") -> None:
        super().__init__(f"The answer does not fit into the {limit} tokens it may have; ask a narrower question.")
        self.receipt = receipt


class Unusable(QuadrilleError):
    """A model's reply is not in the format it was asked for, so nothing can be made of it."""

    def __init__(self, purpose: str, *, receipt: "Receipt") -> None:
        super().__init__(f"The model's reply to the {purpose} request was cut off or is not in the format asked for.")
        self.receipt = receipt


class BudgetExceeded(QuadrilleError):
    """A reservation does not fit under a limit. Amounts are US dollars."""

    def __init__(
        self,
        *,
        scope: str,
        limit: Decimal,
        spent: Decimal,
        reserved: Decimal,
        needed: Decimal,
        renews_at: str | None,
    ) -> None:
        until = f"it renews at {renews_at}" if renews_at and needed <= limit else "raise it and try again"
        super().__init__(
            f"The {scope} budget of ${dollars(limit)} does not cover this call (${dollars(spent)} spent, "
            f"${dollars(reserved)} reserved, up to ${dollars(needed)} needed); {until}."
        )
        self.scope = scope
        self.limit = limit
        self.spent = spent
        self.reserved = reserved
        self.needed = needed
        self.renews_at = renews_at


class UnknownPrice(QuadrilleError):
    """A model without a price, or with a hole in it, cannot be budgeted, so it is not called."""

    def __init__(self, model: str, part: str) -> None:
        super().__init__(
            f"No price is known for the {part} of the model {model!r}. Set it in the PriceOverrides parameter, for "
            f'example {{"{model}": {{"input": "0.10", "output": "0.40"}}}} (US dollars per million tokens; "request" '
            "is the price of one)."
        )


class ProviderRefused(QuadrilleError):
    """A provider rejected a request in a way no retry cures: a wrong key, an unknown model, a bad argument."""


class ResultLost(QuadrilleError):
    """A paid result was gone from the bucket as often as its purpose allows it to be bought again."""

    def __init__(self, *, times: int) -> None:
        super().__init__(
            f"The paid result of this call was gone from the bucket {times} times and is not bought again. Look for "
            "what deletes objects under results/."
        )


class Unreadable(QuadrilleError):
    """A file cannot become text: unsupported, empty, encrypted or damaged. The message is for its owner."""


class NotFound(QuadrilleError):
    """There is nothing of that name in the caller's tenant."""


class Unauthorized(QuadrilleError):
    """Nobody vouches for the request: its signature is missing, wrong or too old, or its source is unknown."""


class Forbidden(QuadrilleError):
    """The key is valid and lacks a scope."""


class Conflict(QuadrilleError):
    """What is asked for does not go together with what is there: the message says with what."""


class TooLarge(QuadrilleError):
    """A request or a document is over a size limit, which the message names."""


class Invalid(QuadrilleError):
    """A value is not acceptable; `field` names it."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason
