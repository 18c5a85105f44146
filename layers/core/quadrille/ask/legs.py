"""Searches that run at the same time, and their rankings as one."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace

from aws_lambda_powertools import Logger

from quadrille.calls import Payer
from quadrille.errors import ProviderRefused, ResultLost, RetryLater, Unanswered
from quadrille.receipts import Receipt, added_to
from quadrille.vectors import Match

logger = Logger()

_RECIPROCAL = 60  # as its authors have it; what comes first in one ranking then does not outweigh both


@dataclass(frozen=True, slots=True)
class Ranking:
    """What was found, best first, and what it cost. It is not `whole` if something that was down had no part in it."""

    matches: list[Match]
    spent: Receipt
    whole: bool = True


Leg = Callable[[Payer], Ranking]


def fused(*rankings: Sequence[Match]) -> list[Match]:
    """Rankings as one, by reciprocal ranks (Cormack, Clarke and Büttcher, 2009); a single one stays as it is."""
    if len(rankings) == 1:
        return list(rankings[0])
    scores: dict[str, float] = defaultdict(float)
    for ranking in rankings:
        for place, match in enumerate(ranking, start=1):
            scores[match.id] += 1 / (_RECIPROCAL + place)
    matches = {match.id: match for ranking in rankings for match in ranking}
    return [replace(matches[id_], score=scores[id_]) for id_ in sorted(scores, key=lambda id_: -scores[id_])]


def at_once(legs: Sequence[Leg], payer: Payer) -> Ranking:
    """What all legs found, fused. An error of one carries what the others paid.

    They share the request's own limit in equal parts, for none waits for what another has left of it.
    """
    if payer.max_cost is not None:
        payer = replace(payer, max_cost=payer.max_cost / len(legs))
    with ThreadPoolExecutor(len(legs)) as pool:
        running = [pool.submit(leg, payer) for leg in legs]
    failed = [error for leg in running if (error := leg.exception())]
    done = [leg.result() for leg in running if not leg.exception()]
    receipts = [*(ranking.spent for ranking in done), *(getattr(error, "receipt", None) for error in failed[1:])]
    paid = sum(filter(None, receipts), Receipt())
    if failed:
        with added_to(paid) if paid != Receipt() else nullcontext():
            raise failed[0]
    return Ranking(fused(*(ranking.matches for ranking in done)), paid, all(ranking.whole for ranking in done))


def if_up(leg: Leg, otherwise: list[Match]) -> Leg:
    """A leg that gives something else if what it needs cannot be had at the moment; a budget still ends it."""

    def tried(payer: Payer) -> Ranking:
        try:
            return leg(payer)
        except (RetryLater, ProviderRefused, Unanswered, ResultLost) as error:
            logger.warning("retrieval_degraded", reason=str(error))
            return Ranking(otherwise, error.receipt or Receipt(), whole=False)

    return tried
