"""Sending a paid request: through the gate, and again only if it was certainly not billed.

No SDK retries behind our back. A request is repeated here as long as the caller's time allows, and no sooner than
`Retry-After` says.
"""

import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from math import inf
from typing import TypeVar

from quadrille.errors import AmbiguousCall, Busy, DeadlineExceeded, ProviderRefused
from quadrille.gate import Gate

T = TypeVar("T")

_TRIES = 4
_TOO_MANY = 429
_NOT_BILLED = {_TOO_MANY, 500, 503, 529}
_MAYBE_BILLED = {408, 409}  # and every other server error
_LONGEST_WAIT = 3_600.0
_LEAST_SECONDS = 1.0  # below this a call is not begun


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that was certainly not billed, by its status; 0 if it was never sent. `wait` is what was asked for."""

    status: int
    retry_after: str | None = None

    def wait(self, retries: int) -> float:
        """Seconds: what the provider asked for, as a number or a date, or an exponential backoff with jitter."""
        asked = -1.0
        with suppress(ValueError):
            asked = float(self.retry_after or "")
        if self.retry_after and asked < 0:
            with suppress(ValueError):
                asked = parsedate_to_datetime(self.retry_after).timestamp() - time.time()
        return min(asked, _LONGEST_WAIT) if 0 <= asked < inf else 0.5 * 2.0**retries * random.uniform(0.75, 1.25)


@dataclass(frozen=True, slots=True)
class Sender:
    """One provider. `errors` is the root of its client's exceptions, `failures` those that mean it is down.

    `judge` says what one comes to: it gives a `Refusal`, raises `AmbiguousCall` or `ProviderRefused`, or raises again
    what it does not know.
    """

    provider: str
    gate: Gate
    errors: type[Exception]
    failures: tuple[type[Exception], ...]
    judge: Callable[[Exception], Refusal]
    now: Callable[[], float] = field(default=time.time)
    sleep: Callable[[float], None] = field(default=time.sleep)

    def send(self, request: Callable[[float], T], *, model: str, tokens: int, deadline: float) -> tuple[T, int]:
        """The answer of `request`, which is given the seconds it may take, and how many retries it took.

        Raises what `Ledger.pay` expects of a sender.
        """
        retries = 0
        while True:
            self.gate.wait(model, tokens=tokens, patience=max(0.0, deadline - self.now()) / 2)
            left = deadline - self.now()
            if left < _LEAST_SECONDS:
                raise DeadlineExceeded(f"Not enough time was left to call {self.provider}.")
            try:
                return self._guarded(request, left), retries
            except self.errors as error:
                refusal = self.judge(error)
            wait = refusal.wait(retries)
            if refusal.status == _TOO_MANY:
                self.gate.hold(model, wait)
            retries += 1
            if retries == _TRIES or wait + _LEAST_SECONDS > deadline - self.now():
                raise Busy(f"{self.provider.capitalize()} is throttling or down.", seconds=wait)
            self.sleep(wait)

    def _guarded(self, request: Callable[[float], T], seconds: float) -> T:
        return self.gate.guard(self.provider, lambda: request(seconds), failures=self.failures)


def judge_status(status: int, words: str, *, provider: str, retry_after: str | None, exhausted: bool) -> Refusal:
    """What a provider's refusal by status comes to. Raises `AmbiguousCall` and `ProviderRefused`.

    `exhausted` is true for a 429 that waiting does not cure: an account without money.
    """
    if status in _MAYBE_BILLED or (status >= 500 and status not in _NOT_BILLED):
        raise AmbiguousCall(f"{provider.capitalize()} answered {status}; the call may have been billed.")
    if status not in _NOT_BILLED or exhausted:
        raise ProviderRefused(f"{provider.capitalize()} refused the request: {words}")
    return Refusal(status, retry_after)
