"""One error tree. `RetryLater` is what another try may cure; every other error here is final.

`http.py` alone turns them into status codes; a pipeline stage turns the final ones into a document's status.
"""

from decimal import Decimal


class QuadrilleError(Exception):
    """The root of everything this package raises on purpose."""


class RetryLater(QuadrilleError):
    """The same call may succeed in `seconds`: a busy twin, a throttle, a provider that is down."""

    def __init__(self, reason: str, *, seconds: float = 1.0) -> None:
        super().__init__(reason)
        self.seconds = seconds


class AmbiguousCall(RetryLater):
    """A paid request left and no reply came: counted as spent, because it may have been billed."""


class DeadlineExceeded(QuadrilleError):
    """There was not enough time left to begin, or to finish, a paid call."""


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
        until = f"it renews at {renews_at}" if renews_at else "raise it and ask again"
        super().__init__(
            f"The {scope} budget of ${limit:f} does not cover this call (${spent:f} spent, ${reserved:f} reserved, "
            f"up to ${needed:f} needed); {until}."
        )
        self.scope = scope
        self.limit = limit
        self.spent = spent
        self.reserved = reserved
        self.needed = needed
        self.renews_at = renews_at


class UnknownPrice(QuadrilleError):
    """A model without a price cannot be budgeted, so it is not called."""

    def __init__(self, model: str) -> None:
        super().__init__(
            f"No price is known for the model {model!r}. Set it in the PriceOverrides parameter, for example "
            f'{{"{model}": {{"input": "0.10", "output": "0.40"}}}} (US dollars per million tokens).'
        )


class ProviderRefused(QuadrilleError):
    """A provider rejected a request in a way no retry cures: a wrong key, an unknown model, a bad argument."""


class ResultLost(QuadrilleError):
    """A paid result is gone from the bucket; it is not bought again without somebody deciding so."""


class Unreadable(QuadrilleError):
    """A file cannot become text: unsupported, empty, encrypted or damaged. The message is for its owner."""


class NotFound(QuadrilleError):
    """There is nothing of that name in the caller's tenant."""


class Forbidden(QuadrilleError):
    """The key is valid and lacks a scope."""


class TooLarge(QuadrilleError):
    """A request or a document is over a size limit, which the message names."""


class Invalid(QuadrilleError):
    """A value is not acceptable; `field` names it."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason
