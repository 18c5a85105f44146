"""What the ask room takes and gives over HTTP."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from quadrille.conversations import ID
from quadrille.documents import COLLECTION
from quadrille.http import Body
from quadrille.money import plain

QUESTION_CHARACTERS = 4_000
Question = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=QUESTION_CHARACTERS)]
ConversationId = Annotated[str, StringConstraints(pattern=rf"^(new|{ID})$")]
Collection = Annotated[str, StringConstraints(pattern=rf"^{COLLECTION.pattern}$")]
Dollars = Annotated[Decimal, Field(gt=0, le=1_000, decimal_places=9), AfterValidator(plain)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=900)]
Values = Annotated[list[Name], Field(min_length=1, max_length=100)]


Mode = Literal["hybrid", "dense", "lexical"]


class Filter(Body):
    """Which documents may be searched: any of the given ids, any of the given names."""

    document_id: Name | Values | None = None
    filename: Name | Values | None = None

    def where(self) -> dict[str, Any]:
        """The same as a filter of the vector store."""
        given = self.model_dump(exclude_none=True)
        return {name: {"$in": value} if isinstance(value, list) else {"$eq": value} for name, value in given.items()}


class SearchRequest(Body):
    """`POST /search`. `hybrid` searches by meaning and by words and ranks what it found, as `POST /ask` does."""

    query: Question
    collection: Collection = "default"
    top_k: Annotated[int, Field(ge=1, le=100)] = 8
    filter: Filter = Filter()
    mode: Mode = "hybrid"


class AskRequest(Body):
    """`POST /ask`. `cache: "off"` asks the model anew even if this very request was paid for before.

    `conversation_id` is that of an earlier answer, or `new` to begin a conversation; without it nothing is remembered.
    """

    # What is added here becomes part of what the cache knows an answer by, unless `ask/answer.py` excepts it.

    question: Question
    collection: Collection = "default"
    top_k: Annotated[int, Field(ge=1, le=32)] = 8
    filter: Filter = Filter()
    conversation_id: ConversationId | None = None
    max_cost_usd: Dollars | None = None
    cache: Literal["exact", "semantic", "off"] = "exact"


class Hit(BaseModel):
    """A chunk that was found. `start` and `end` count characters of the document's extracted text.

    Scores of one response can be compared with one another, and with no others.
    """

    document_id: str
    chunk_id: str
    filename: str
    page: int | None
    label: str | None
    start: int
    end: int
    text: str
    score: float


class Citation(BaseModel):
    """A verbatim quote: `text[start:end]` of the document's extracted text.

    `page` is the page, slide or sheet, if there are any, and `label` the name of a sheet.
    """

    number: int
    document_id: str
    filename: str
    page: int | None
    label: str | None
    start: int
    end: int
    quote: str
    score: float


class SearchResponse(BaseModel):
    """What `POST /search` gives."""

    hits: list[Hit]
    receipt: dict[str, Any]


class Answer(BaseModel):
    """What is found out about a question."""

    answer: str
    citations: list[Citation]
    supported: bool


class AskResponse(Answer):
    """What `POST /ask` gives."""

    cached: Literal["exact", "semantic"] | None
    conversation_id: str | None
    receipt: dict[str, Any]
