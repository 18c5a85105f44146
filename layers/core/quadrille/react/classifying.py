"""Classifying: what a customer's letter is about, how urgent it is, how its writer feels, and what they ask."""

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from quadrille.calls import Payer
from quadrille.config import settings
from quadrille.desks import SPAM, DeskSettings
from quadrille.errors import Unusable
from quadrille.llm import Models
from quadrille.prompts import prompt
from quadrille.purposes import CLASSIFICATION
from quadrille.receipts import Receipt


class Letter(BaseModel):
    """What a customer wrote, without what they quote and their signature. All of it is theirs, and data."""

    model_config = ConfigDict(frozen=True)

    subject: str
    text: str
    name: str = ""

    def told(self) -> dict[str, str]:
        """The letter as a model is told it, cut to its limit."""
        limit = settings().letter_characters
        return {"subject": self.subject[:limit], "text": self.text[:limit]}


class Labels(BaseModel):
    """What a letter is. `language` is an ISO 639-1 code, `question` what the writer wants to know, in one sentence."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    category: str
    priority: Literal["urgent", "high", "normal", "low"]
    sentiment: Literal["negative", "neutral", "positive"]
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
    question: str


def classify(letter: Letter, payer: Payer, *, models: Models, desk: DeskSettings) -> tuple[Labels, Receipt]:
    """A letter's labels, by one paid call. Raises as `Ledger.pay`, and `Unusable`."""
    completion = models.chat(
        _messages(letter, desk),
        payer,
        purpose=CLASSIFICATION,
        schema=_schema(desk),
        limit=settings().classification_tokens,
    )
    try:
        labels = Labels.model_validate_json(completion.text)
    except ValidationError as error:
        raise Unusable(CLASSIFICATION.name, receipt=completion.receipt) from error
    if labels.category not in _names(desk):
        raise Unusable(CLASSIFICATION.name, receipt=completion.receipt)
    return labels, completion.receipt


def _messages(letter: Letter, desk: DeskSettings) -> list[dict[str, str]]:
    """The prompt. The letter travels as JSON strings, which no text of it can close."""
    categories = [category.model_dump(include={"name", "description"}) for category in desk.categories]
    content = json.dumps({"categories": categories, "letter": letter.told()}, ensure_ascii=False)
    return [{"role": "system", "content": prompt("classify")}, {"role": "user", "content": content}]


def _schema(desk: DeskSettings) -> dict[str, Any]:
    schema = Labels.model_json_schema()
    schema["properties"]["category"] = {"type": "string", "enum": _names(desk)}
    return schema


def _names(desk: DeskSettings) -> list[str]:
    return [*(category.name for category in desk.categories), SPAM]
