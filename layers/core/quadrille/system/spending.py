"""What a tenant has spent and may spend, as its admin reads it."""

import csv
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

from quadrille.budgets import Budget, Limits
from quadrille.claims import Claims
from quadrille.costs import By, Costs
from quadrille.errors import Invalid
from quadrille.money import dollars
from quadrille.prices import origin
from quadrille.rows import Row
from quadrille.system.models import BudgetLine, BudgetList, CostLine, CostList

_DAYS = 30  # a report without a beginning goes back so far
_MAX_DAYS = 400  # what is kept
_FIRST, _LAST = date(2020, 1, 1), date(2199, 12, 31)


def report(
    by: By,
    first: date | None,
    last: date | None,
    *,
    tenant: str,
    after: str | None,
    limit: int,
    costs: Costs,
    claims: Claims,
) -> CostList:
    """A tenant's costs from one day to another, both included. Raises `Invalid`."""
    to = last or datetime.now(UTC).date()
    if not _FIRST <= to <= _LAST:
        raise Invalid("query.to", f"must be from {_FIRST} to {_LAST}")
    from_ = first or to - timedelta(days=_DAYS - 1)
    if not 0 <= (to - from_).days < _MAX_DAYS:
        raise Invalid("query.from", f"must be at or before `to`, by less than {_MAX_DAYS} days")
    claims.reclaim(tenant)
    groups, cursor = costs.by(by, tenant, from_.isoformat(), to.isoformat(), after=after, limit=limit)
    lines = [CostLine.of(*group) for group in groups]
    return CostList(by=by, from_=from_, to=to, items=lines, cursor=cursor, prices=origin())


def as_csv(costs: CostList) -> str:
    """The lines of a report, with a first line of names."""
    out = StringIO()
    writer = csv.DictWriter(out, fieldnames=list(CostLine.model_fields))
    writer.writeheader()
    writer.writerows(_harmless(line.model_dump()) for line in costs.items)
    return out.getvalue()


def budgets(tenant: str, *, limits: Limits, claims: Claims) -> BudgetList:
    """A tenant's limits, and how much of today's is spent and reserved."""
    claims.reclaim(tenant)
    own = limits.own(tenant)
    every = {**limits.defaults, **own}
    today = {budget.scope: _left(budget, limits.spending(budget)) for budget in limits.budgets(tenant, inbound=True)}
    lines = [
        BudgetLine(
            scope=scope,
            limit_usd=dollars(limit),
            set_by="admin" if scope in own else "default",
            **today.get(scope, {}),
        )
        for scope, limit in every.items()
    ]
    return BudgetList(items=lines)


def _left(budget: Budget, row: Row) -> dict[str, Any]:
    spent = row.get("spent", Decimal(0))
    return {
        "spent_usd": dollars(spent),
        "reserved_usd": dollars(row.get("committed", Decimal(0)) - spent),
        "renews_at": budget.renews_at,
    }


def _harmless(line: dict[str, object]) -> dict[str, object]:
    """A group's name that a spreadsheet would run as a formula, quoted."""
    group = str(line["group"])
    return {**line, "group": f"'{group}"} if group[:1] in "=+-@" else line
