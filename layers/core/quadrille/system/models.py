"""What the room system takes and gives over HTTP."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from quadrille.costs import By, Cost
from quadrille.http import Body
from quadrille.money import dollars, plain

Scope = Annotated[
    str, StringConstraints(pattern=r"^(day|inbound|document|task|document:doc_[a-z2-7]{24}|task:[A-Za-z0-9_-]{1,64})$")
]
Dollars = Annotated[Decimal, Field(ge=0, le=1_000_000, max_digits=16, decimal_places=9), AfterValidator(plain)]


class CostLine(BaseModel):
    """Sums of one group. `spent_usd` includes `ambiguous_usd`, of which nobody knows whether it was billed."""

    group: str
    spent_usd: str
    reserved_usd: str
    saved_by_cache_usd: str
    saved_by_paid_once_usd: str
    ambiguous_usd: str
    ambiguous: int
    calls: int
    retries: int
    input_tokens: int
    output_tokens: int
    embedding_tokens: int

    @classmethod
    def of(cls, group: str, cost: Cost) -> "CostLine":
        """A group's sums as they are shown."""
        return cls(
            group=group,
            spent_usd=dollars(cost.spent),
            reserved_usd=dollars(cost.reserved),
            saved_by_cache_usd=dollars(cost.saved_cache),
            saved_by_paid_once_usd=dollars(cost.saved_duplicate),
            ambiguous_usd=dollars(cost.ambiguous_usd),
            ambiguous=int(cost.ambiguous),
            calls=int(cost.calls),
            retries=int(cost.retries),
            input_tokens=int(cost.input),
            output_tokens=int(cost.output),
            embedding_tokens=int(cost.embedding),
        )


class CostList(BaseModel):
    """What `GET /costs` gives. Both days are included; `prices` is where the shipped ones come from, and of when."""

    by: By
    from_: date = Field(serialization_alias="from")
    to: date
    items: list[CostLine]
    cursor: str | None
    prices: dict[str, str]


class BudgetLine(BaseModel):
    """One limit: of the day, of what came in by itself on that day, of every document or task, or of one.

    Only the day's two have been spent from as a whole.
    """

    scope: str
    limit_usd: str
    set_by: Literal["default", "admin"]
    spent_usd: str | None = None
    reserved_usd: str | None = None
    renews_at: str | None = None


class BudgetList(BaseModel):
    """What `GET /budgets` gives."""

    items: list[BudgetLine]
    cursor: None = None


class LimitRequest(Body):
    """`PUT /budgets/{scope}`: a limit in US dollars, or null to go back to the deployer's default."""

    limit_usd: Dollars | None
