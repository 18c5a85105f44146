"""Many callers at once against a small cap, straight through the ledger: never a cent over it, never a false refusal.

`python -m benchmarks.crowd` runs it on the embedded AWS of the stack that is up, or of one it starts and stops.
"""

import argparse
import os
import random
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import uuid4

from botocore.config import Config

from benchmarks.stack import running_stack
from local.stack.deploy import local_session, stack_outputs
from local.stack.places import Stop
from quadrille.blobs import Blobs
from quadrille.budgets import Budget, Limits
from quadrille.calls import Call, Reply
from quadrille.claims import Claims
from quadrille.errors import BudgetExceeded, RetryLater
from quadrille.ledger import Ledger
from quadrille.purposes import ANSWER
from quadrille.receipts import Receipt

CAP = Decimal("0.10")
CEILING = Decimal("0.004")  # what a call reserves; it costs between a tenth and all of it
_PROVIDER_SECONDS = 0.05
_MOST_SECONDS = 300


@dataclass
class Crowd:
    """What the callers saw, and what the provider billed."""

    billed: Decimal = Decimal(0)
    paid: int = 0
    refusals: list[BudgetExceeded] = field(default_factory=list)
    waits: int = 0
    seconds: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def overshoot(self) -> Decimal:
        """US dollars billed over the cap."""
        return max(Decimal(0), self.billed - CAP)

    @property
    def false_refusals(self) -> int:
        """Refusals of calls that would have fitted beside what was spent."""
        return sum(refusal.spent + refusal.needed <= refusal.limit for refusal in self.refusals)

    def bill(self, cost: Decimal) -> None:
        with self.lock:
            self.billed += cost


def run(ledger: Ledger, tenant: str, *, callers: int, seed: int) -> Crowd:
    """Let each caller make one call, and come again as long as it is told to; all begin at once."""
    crowd, start = Crowd(), threading.Barrier(callers)

    def caller(number: int) -> None:
        cost = (CEILING * random.Random(seed * callers + number).randint(10, 100) / 100).quantize(Decimal("0.000001"))
        start.wait()
        _insist(crowd, lambda: ledger.pay(_call(tenant, number), lambda: _reply(crowd, cost)))

    began = time.monotonic()
    with ThreadPoolExecutor(callers) as pool:
        list(pool.map(caller, range(callers)))
    crowd.seconds = time.monotonic() - began
    return crowd


def left_reserved(ledger: Ledger, tenant: str) -> Decimal:
    """What the ledger still holds back when all is over, in US dollars."""
    [budget] = ledger.limits.budgets(tenant)
    row = ledger.limits.spending(budget)
    return Decimal(row["committed"] - row["spent"])


def spent(ledger: Ledger, tenant: str) -> Decimal:
    """What the ledger says was spent."""
    [budget] = ledger.limits.budgets(tenant)
    return Decimal(ledger.limits.spending(budget)["spent"])


def _insist(crowd: Crowd, pay: Callable[[], Any]) -> None:
    give_up = time.monotonic() + _MOST_SECONDS
    while time.monotonic() < give_up:
        try:
            pay()
        except BudgetExceeded as refusal:
            with crowd.lock:
                crowd.refusals.append(refusal)
            return
        except RetryLater as later:
            with crowd.lock:
                crowd.waits += 1
            time.sleep(min(later.seconds, 1.0) * random.uniform(0.5, 1.0))
        else:
            with crowd.lock:
                crowd.paid += 1
            return
    raise TimeoutError(f"a caller was sent away for {_MOST_SECONDS} s")


def _call(tenant: str, number: int) -> Call:
    deadline = time.time() + 60
    return Call(tenant, ANSWER, "m", {"input": number}, f"answers/{number}", CEILING, deadline, deadline)


def _reply(crowd: Crowd, cost: Decimal) -> Reply:
    time.sleep(_PROVIDER_SECONDS)
    crowd.bill(cost)
    return Reply(b"reply", Receipt(cost_usd=cost, calls=1, models=("m",)))


def ledger_of(stack: dict[str, Any]) -> Ledger:
    """A ledger over the running stack's table and bucket, with the cap for its limit."""
    session, endpoint = local_session(), stack["aws_endpoint_url"]
    config = Config(max_pool_connections=200, retries={"mode": "standard", "total_max_attempts": 4})
    dynamodb = session.client("dynamodb", endpoint_url=endpoint, config=config)
    table = stack_outputs(session, endpoint)["LedgerTable"]
    limits = Limits(table, dynamodb, {"day": CAP, "document": CAP, "task": CAP}, now=time.time)
    blobs = Blobs(stack["bucket"], session.client("s3", endpoint_url=endpoint))
    claims = Claims(table, dynamodb, blobs, days=1, now=time.time, sleep=time.sleep)
    return Ledger(claims, limits, unannounced, inline_bytes=16_384)


def unannounced(budget: Budget, refusal: BudgetExceeded) -> None:
    """Nobody listens here."""


def main(arguments: list[str]) -> int | str:
    """Measure and print. Not 0 if a cent went over the cap, or a caller was refused that had money."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crowd", description=__doc__)
    parser.add_argument("--callers", type=int, default=100, help="how many call at once (100)")
    parser.add_argument("--rounds", type=int, default=5, help="how often, each with a fresh budget (5)")
    given = parser.parse_args(arguments)
    os.environ["POWERTOOLS_METRICS_DISABLED"] = "true"
    wrong = 0
    try:
        with running_stack() as stack:
            ledger = ledger_of(stack)
            print(f"{given.callers} callers at once, a cap of ${CAP}, up to ${CEILING} each; the embedded AWS")
            for number in range(given.rounds):
                tenant = f"crowd-{uuid4().hex[:8]}"
                crowd = run(ledger, tenant, callers=given.callers, seed=number)
                exact = spent(ledger, tenant) == crowd.billed and not left_reserved(ledger, tenant)
                wrong += bool(crowd.overshoot or crowd.false_refusals or not exact)
                print(
                    f"  {crowd.paid} paid, {len(crowd.refusals)} refused, {crowd.waits} asked to come again; billed "
                    f"${crowd.billed}, overshoot ${crowd.overshoot:.2f}, false refusals {crowd.false_refusals}, books "
                    f"{'exact' if exact else 'WRONG'}; {crowd.seconds:.1f} s"
                )
    except Stop as reason:
        return str(reason)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
