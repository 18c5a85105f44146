"""How a tenant's desk works, in the cases table: which categories it knows, in what tone it replies, when it asks."""

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from quadrille.documents import COLLECTION
from quadrille.rows import get, to_item

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

SPAM = "spam"

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]


class Category(BaseModel):
    """What a mail or a ticket may be about. `group` is who works on it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    description: Words = ""
    group: Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)] = ""


_CATEGORIES = (
    Category(
        name="billing",
        description="Invoices, charges, payments, refunds, prices, subscriptions.",
        group="finance",
    ),
    Category(
        name="technical",
        description="Something is broken, fails, crashes or shows an error; how to repair or to set it up.",
        group="engineering",
    ),
    Category(
        name="account",
        description="Signing in, passwords, access, changing or closing an account.",
        group="support",
    ),
    Category(
        name="order",
        description="Orders, delivery, shipping, tracking, returns, exchanges, warranty.",
        group="support",
    ),
    Category(
        name="sales",
        description="Wants to buy, asks for an offer, a demo, a discount, what a product can do.",
        group="sales",
    ),
    Category(name="feedback", description="Praise, complaints, ideas, wishes for features.", group="support"),
    Category(name="other", description="Whatever is nothing of these.", group="support"),
)


class DeskSettings(BaseModel):
    """A desk. A draft that is less sure than `min_confidence` asks for a human; `signature` ends every draft.

    `collection` is where drafts find what they say. Spam is a category of every desk.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    categories: Annotated[tuple[Category, ...], Field(min_length=1, max_length=100)] = _CATEGORIES
    tone: Annotated[str, StringConstraints(strip_whitespace=True, max_length=1_000)] = "Friendly, clear and short."
    signature: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""
    collection: Annotated[str, StringConstraints(pattern=rf"^{COLLECTION.pattern}$")] = "default"
    min_confidence: Annotated[Decimal, Field(ge=0, le=1, decimal_places=2)] = Decimal("0.5")
    draft_emails: bool = True

    @field_validator("categories")
    @classmethod
    def _distinct(cls, categories: tuple[Category, ...]) -> tuple[Category, ...]:
        names = [category.name for category in categories]
        if SPAM in names or len(set(names)) < len(names):
            raise ValueError(f"each category must have a name of its own, which is not {SPAM!r}")
        return categories

    def group(self, category: str) -> str:
        """Who works on a category; empty if the desk does not say."""
        return next((each.group for each in self.categories if each.name == category), "")


@dataclass(frozen=True, slots=True)
class Desks:
    """Desks by tenant."""

    table: str
    dynamodb: "DynamoDBClient"

    def get(self, tenant: str) -> DeskSettings:
        """A tenant's desk; the default one if none was set."""
        row = get(self.dynamodb, self.table, _key(tenant))
        return DeskSettings.model_validate_json(row["desk"]) if row else DeskSettings()

    def put(self, tenant: str, desk: DeskSettings) -> None:
        """Set a tenant's desk, from the next mail or ticket on."""
        self.dynamodb.put_item(TableName=self.table, Item=to_item({**_key(tenant), "desk": desk.model_dump_json()}))


def _key(tenant: str) -> dict[str, str]:
    return {"pk": f"desk#{tenant}", "sk": "desk"}
